package backup

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// manyCollections have several parts, encodings and kinds.
func manyCollections(t *testing.T) []madeCollection {
	t.Helper()
	big := plainCollection(t, "shop", "big", make([]int, partSegments+1)...)
	big.segments[3] = numbers(t, 4)
	other := plainCollection(t, "shop", "cookies", 10, 10)
	other.encoding = BSONZstd
	return []madeCollection{
		big, other, plainCollection(t, "shop", "empty"),
		{ns: mongosource.Namespace{Database: "shop", Collection: "view"}, kind: mongosource.KindView},
	}
}

// A verification counts everything, and leaves a proof that is found again.
func TestVerify(t *testing.T) {
	r, store := makeRepository(t)
	run := makeBackup(t, r, time.Now(), manyCollections(t)...)
	v := view(t, r, run)
	for _, depth := range []Depth{Present, Read} {
		report, err := Run(t.Context(), v.Verify(depth, nil), 4)
		if err != nil {
			t.Fatal(err)
		}
		want := Counts{Collections: 4, Segments: partSegments + 3, Documents: 24, Bytes: v.manifest.Bytes()}
		if depth == Read {
			want.Fetched = v.manifest.Collections[0].Stored + v.manifest.Collections[1].Stored
		}
		if report.Counts != want || report.Depth != string(depth) || report.Run != run ||
			report.Consistency != "fuzzy" {
			t.Errorf("%s: %+v, want %+v", depth, report, want)
		}
		proofs, err := stream.Run(t.Context(), stream.Via(r.Proofs(), stream.Filter(func(p Proof) bool {
			return p.Of == string(depth)
		})), sink.Slice[Proof]())
		if err != nil || len(proofs) != 1 || !proofs[0].Passed || proofs[0].Counts != want ||
			proofs[0].Manifest != v.manifest.sha256 {
			t.Errorf("%s: %+v, %v", depth, proofs, err)
		}
		if store.objects[report.Proof] == nil || store.objects[report.Proof+signatureSuffix] == nil {
			t.Errorf("no signed proof at %s", report.Proof)
		}
	}
	before := len(store.keys(proofsPrefix))
	if report, err := Run(t.Context(), v.Verify(Present, &VerifyOptions{NoProof: true}), 1); err != nil ||
		report.Proof != "" ||
		len(store.keys(proofsPrefix)) != before {
		t.Error("a proof was stored", err)
	}
	if _, err := Run(t.Context(), v.Verify("deep", nil), 1); stream.ClassOf(err) != stream.Fatal {
		t.Errorf("an unknown depth: %v", err)
	}
}

// A verification lists everything that is wrong, and its proof has no text of a document.
func TestVerifyFindsAll(t *testing.T) {
	r, store := makeRepository(t)
	collections := []madeCollection{
		plainCollection(t, "a", "gone", 5), plainCollection(t, "a", "short", 5, 5), plainCollection(t, "a", "flipped",
			5, 5),
		plainCollection(t, "a", "good", 5), plainCollection(t, "a", "catalog", 5),
	}
	v := view(t, r, makeBackup(t, r, time.Now(), collections...))
	keys := map[string]string{}
	for i, c := range collections {
		for _, key := range store.keys(fmt.Sprintf("data/%s/%d-", v.manifest.Run, i)) {
			keys[c.ns.Collection] = key
		}
	}
	change := func(key string, f func([]byte) []byte) { store.objects[key] = f(bytes.Clone(store.objects[key])) }
	delete(store.objects, keys["gone"])
	change(keys["short"], func(p []byte) []byte { return p[:len(p)-1] })
	change(keys["flipped"], func(p []byte) []byte { p[20] ^= 4; p[len(p)-3] ^= 4; return p })
	change(r.catalogKey(v.manifest.Run, 4, v.manifest.Collections[4].Catalog), func(p []byte) []byte {
		return p[:len(p)-1]
	})

	for depth, want := range map[Depth]string{
		Present: "a.gone missing, a.short short, a.catalog damaged",
		Read:    "a.gone missing, a.short damaged, a.flipped damaged, a.flipped damaged, a.catalog damaged",
	} {
		report, err := Run(t.Context(), v.Verify(depth, nil), 1)
		var found []string
		for _, p := range damageOf(err) {
			found = append(found, p.Database+"."+p.Collection+" "+p.Reason)
		}
		if got := strings.Join(found, ", "); got != want || !errors.Is(err, ErrDamaged) ||
			stream.ClassOf(err) != stream.Data {
			t.Errorf("%s: %s\nwant %s\n%v", depth, got, want, err)
		}
		var p Proof
		if err := json.Unmarshal(store.objects[report.Proof], &p); err != nil || p.Passed ||
			len(p.Problems) != len(found) ||
			strings.Contains(string(store.objects[report.Proof]), "detail") {
			t.Errorf("%s: the proof: %s, %v", depth, store.objects[report.Proof], err)
		}
	}
}

// A verification completes from the receipts of all its units, and from nothing less.
func TestVerifyReceipts(t *testing.T) {
	r, _ := makeRepository(t)
	makeBackup(t, r, time.Now(), manyCollections(t)...)
	v := view(t, r, "")
	job := v.Verify(Read, nil)
	all, err := job.Units(t.Context())
	if err != nil || len(all) != 6 {
		t.Fatal(all, err)
	}
	var receipts []Receipt
	for _, u := range all {
		receipt, err := job.Do(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		receipts = append([]Receipt{receipt}, receipts...)
	}
	other := receipts[0]
	other.Unit.Job = "verify read other"
	empty := receipts[0]
	empty.Counts.Documents++
	for name, test := range map[string]struct {
		receipts []Receipt
		ok       bool
	}{
		"all":          {receipts, true},
		"one twice":    {append(receipts[:1:1], receipts...), true},
		"one missing":  {receipts[1:], false},
		"of another":   {append(receipts[1:len(receipts):len(receipts)], other), false},
		"other counts": {append(receipts[1:len(receipts):len(receipts)], empty), false},
		"none":         {nil, false},
	} {
		if _, err := job.Finish(t.Context(), test.receipts); (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := job.Do(t.Context(), Unit{all[0].Job, 6}); err == nil {
		t.Error("a unit that does not exist was done")
	}
	if _, err := v.Verify(Present, nil).Do(t.Context(), all[0]); err == nil {
		t.Error("a unit of another depth was done")
	}
}

// Whoever cannot sign leaves no proof in a signed repository, and says so.
func TestVerifyUnsigned(t *testing.T) {
	r, store := makeRepository(t)
	makeBackup(t, r, time.Now(), plainCollection(t, "shop", "cookies", 3))
	reader, err := Open(t.Context(), store, Keys{Identities: r.keys.Identities})
	if err != nil {
		t.Fatal(err)
	}
	report, err := Run(t.Context(), view(t, reader, "").Verify(Read, nil), 1)
	if err != nil || report.Proof != "" || !strings.Contains(strings.Join(report.Weaker, "; "), "no proof") {
		t.Errorf("%+v, %v", report, err)
	}
}
