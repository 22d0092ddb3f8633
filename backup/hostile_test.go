package backup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/backup/signing"
	"github.com/millweir/millweir/internal/mongofixture"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/stream"
)

var hostileFlips = flag.Int("hostile-flips", 0, "the number of random bit flips of TestHostileFlips")

// victim is a small repository that tests damage, and a server into which nothing may get.
type victim struct {
	keys     Keys
	store    *memStore
	run      string
	old, now []string // the keys of the objects of an older backup, and of the backup
	srv      *mongotest.Server
	client   *mongo.Client

	sampled bool // try only some restores
	trials  int
}

func newVictim(t *testing.T) *victim {
	t.Helper()
	r, store := makeRepository(t)
	began := time.Now()
	run := func(began time.Time, sizes ...int) (string, []string) {
		before := store.keys("")
		run := makeBackup(t, r, began, plainCollection(t, "shop", "orders", sizes...),
			plainCollection(t, "shop", "cookies", 2))
		return run, slices.DeleteFunc(store.keys(""), func(key string) bool { return slices.Contains(before, key) })
	}
	_, old := run(began.Add(-time.Hour), 3, 2)
	newest, now := run(began, 3, 3)
	v := &victim{keys: r.keys, store: store, run: newest, old: old, now: now, srv: mongotest.NewServer()}
	v.client = mongofixture.Connect(t, v.srv)
	return v
}

// needed returns the keys of the objects that a restore of the backup reads.
func (v *victim) needed() []string {
	return slices.DeleteFunc(v.store.keys(""), func(key string) bool { return slices.Contains(v.old, key) })
}

// tries are what someone does who wants the backup.
var tries = map[string]func(v *victim, view *View) Job{
	"read":    func(_ *victim, view *View) Job { return view.Verify(Read, &VerifyOptions{NoProof: true}) },
	"restore": func(v *victim, view *View) Job { return view.Restore(v.client, nil) },
}

// attempt tries to use the backup in a store.
func (v *victim) attempt(ctx context.Context, store Store, try string) error {
	r, err := Open(ctx, store, v.keys)
	if err != nil {
		return err
	}
	view, err := r.View(ctx, v.run)
	if err != nil {
		return err
	}
	job := tries[try](v, view)
	_, err = Run(ctx, job, 1)
	if job, ok := job.(Abandoner); ok && err != nil { // otherwise the next restore would use what this one prepared
		return errors.Join(err, job.Abandon(ctx))
	}
	return err
}

// refuses checks that a changed store is refused by every try, and that nothing got into the server.
func (v *victim) refuses(t *testing.T, what string, change func(s *memStore)) {
	t.Helper()
	store := v.store.clone()
	change(store)
	v.trials++
	for try := range tries {
		if try == "restore" && v.sampled && v.trials%16 != 0 {
			continue
		}
		err := v.attempt(t.Context(), store, try)
		if try == "restore" && err == nil && store.sameForRestore(v.store) {
			if err := v.client.Database("shop").Drop(t.Context()); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err == nil {
			t.Errorf("%s: %s succeeded", what, try)
		} else if class := stream.ClassOf(err); class != stream.Data && class != stream.Fatal {
			t.Errorf("%s: %s: %v of the class %s", what, try, err, class)
		}
	}
	v.nothingVisible(t, what)
}

func (v *victim) nothingVisible(t *testing.T, what string) {
	t.Helper()
	for _, name := range []string{"orders", "cookies"} {
		if len(v.srv.Documents("shop", name)) > 0 {
			t.Fatalf("%s: %s was published", what, name)
		}
	}
}

// means reports whether the byte i of an object means something. The first line of a signature is a
// comment that is not signed, and the last digit of base64 has bits that no decoder reads. The list of
// objects is not encrypted, so gzip's own header is not protected. Its rows are.
func means(key string, body []byte, i int) bool {
	if strings.Contains(key, "/objects-") {
		return false
	}
	if !strings.HasSuffix(key, signatureSuffix) {
		return true
	}
	return i > bytes.IndexByte(body, '\n') && (i+1 == len(body) || body[i+1] != '=')
}

// The undamaged backup is accepted: the other tests mean something.
func TestHostileControl(t *testing.T) {
	v := newVictim(t)
	for try := range tries {
		if err := v.attempt(t.Context(), v.store, try); err != nil {
			t.Errorf("%s: %v", try, err)
		}
	}
	if len(v.srv.Documents("shop", "orders")) != 6 {
		t.Error("the control restored nothing")
	}
}

// Every byte of every object matters: with any bit of it flipped, and cut at any length, the backup
// is refused. With -hostile-flips, every change is tried on a restore, too.
func TestHostileBytes(t *testing.T) {
	v := newVictim(t)
	v.sampled = *hostileFlips == 0
	flips, cuts, step, cutStep := 0, 0, 1, 1
	if v.sampled {
		cutStep = 5
	}
	if raced {
		step, cutStep = 13, 29 // it finds no race that a part of the bytes does not have
	}
	for _, key := range v.needed() {
		body := v.store.objects[key]
		for i := 0; i < len(body); i += step {
			if !means(key, body, i) {
				continue
			}
			flips++
			v.refuses(t, fmt.Sprintf("bit %d of byte %d of %d of %s", i%8, i, len(body), key), func(s *memStore) {
				s.objects[key] = flipped(body, i, i%8)
			})
		}
		for n := 0; n < len(body); n += cutStep {
			if n >= len(body)-1 && strings.HasSuffix(key, signatureSuffix) {
				continue // the last line may lack its newline
			}
			cuts++
			v.refuses(t, fmt.Sprintf("%s cut to %d bytes of %d", key, n, len(body)), func(s *memStore) {
				s.objects[key] = body[:n]
			})
		}
	}
	t.Logf("%d flips and %d cuts of %d objects", flips, cuts, len(v.needed()))
}

// TestHostileFlips flips random bits of random objects, as many as the flag says.
func TestHostileFlips(t *testing.T) {
	if *hostileFlips == 0 {
		t.Skip("without -hostile-flips")
	}
	v := newVictim(t)
	keys := v.needed()
	total := 0
	for _, key := range keys {
		total += len(v.store.objects[key])
	}
	random := rand.New(rand.NewPCG(1, 2))
	for done := 0; done < *hostileFlips; {
		at := random.IntN(total)
		for _, key := range keys {
			body := v.store.objects[key]
			if at >= len(body) {
				at -= len(body)
				continue
			}
			if means(key, body, at) {
				bit := random.IntN(8)
				v.refuses(t, fmt.Sprintf("bit %d of byte %d of %s", bit, at, key), func(s *memStore) {
					s.objects[key] = flipped(body, at, bit)
				})
				done++
			}
			break
		}
	}
}

func flipped(body []byte, i, bit int) []byte {
	body = bytes.Clone(body)
	body[i] ^= 1 << bit
	return body
}

// Objects that were deleted, swapped, repeated, replayed from an older backup, or taken from another
// repository are refused.
func TestHostileObjects(t *testing.T) {
	v, other := newVictim(t), newVictim(t)
	keys := v.needed()
	counts := map[string]int{}
	refuse := func(kind, what string, change func(s *memStore)) {
		counts[kind]++
		v.refuses(t, kind+": "+what, change)
	}
	for i, a := range keys {
		refuse("deleted", a, func(s *memStore) { delete(s.objects, a) })
		for _, b := range keys[i+1:] {
			refuse("swapped", a+" and "+b, func(s *memStore) {
				s.objects[a], s.objects[b] = s.objects[b], s.objects[a]
			})
		}
		for _, b := range keys {
			if a != b {
				refuse("repeated", a+" at "+b, func(s *memStore) { s.objects[b] = s.objects[a] })
			}
		}
		for _, b := range v.old {
			refuse("replayed", b+" at "+a, func(s *memStore) { s.objects[a] = s.objects[b] })
		}
		for _, b := range other.needed() {
			refuse("foreign", b+" at "+a, func(s *memStore) { s.objects[a] = other.store.objects[b] })
		}
	}
	refuse("replayed", "a whole older backup under the new name", func(s *memStore) {
		for i, key := range v.old {
			s.objects[v.now[i]] = v.store.objects[key]
		}
	})
	t.Log(counts)
}

// A manifest that was edited is refused, also if another key signed it.
func TestHostileManifest(t *testing.T) {
	v := newVictim(t)
	stranger, err := signing.Generate()
	if err != nil {
		t.Fatal(err)
	}
	key := manifestKey(v.run)
	edits := map[string]func(m *Manifest){
		"fewer documents":  func(m *Manifest) { m.Collections[0].Documents-- },
		"one less":         func(m *Manifest) { m.Collections = m.Collections[1:] },
		"another order":    func(m *Manifest) { slices.Reverse(m.Collections) },
		"another name":     func(m *Manifest) { m.Collections[0].Collection = "admins" },
		"another catalog":  func(m *Manifest) { m.Collections[0].Catalog = m.Collections[1].Catalog },
		"another epoch":    func(m *Manifest) { m.Epoch = newName(time.Now()) },
		"another run":      func(m *Manifest) { m.Run = newName(time.Now()) },
		"another repo":     func(m *Manifest) { m.Repository = randomHex(16) },
		"a newer format":   func(m *Manifest) { m.Format, m.Reader = 2, 2 },
		"no format":        func(m *Manifest) { m.Format = 0 },
		"nothing, by hand": func(*Manifest) {},
	}
	for name, edit := range edits {
		var m Manifest
		if err := json.Unmarshal(v.store.objects[key], &m); err != nil {
			t.Fatal(err)
		}
		edit(&m)
		content, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		content = append(content, '\n')
		if name == "nothing, by hand" {
			content = append(content, '\n')
		}
		r, err := Open(t.Context(), v.store, v.keys)
		if err != nil {
			t.Fatal(err)
		}
		foreign, err := stranger.Sign(content, r.comment(manifestComment(v.run)))
		if err != nil {
			t.Fatal(err)
		}
		v.refuses(t, name+" with the old signature", func(s *memStore) { s.objects[key] = content })
		v.refuses(t, name+" with no signature", func(s *memStore) {
			s.objects[key] = content
			delete(s.objects, key+signatureSuffix)
		})
		v.refuses(t, name+" with the signature of a stranger", func(s *memStore) {
			s.objects[key], s.objects[key+signatureSuffix] = content, foreign
		})
		if name == "nothing, by hand" || name == "one less" {
			continue // with the right signature, it is a backup
		}
		own, err := v.keys.Sign.Sign(content, r.comment(manifestComment(v.run)))
		if err != nil {
			t.Fatal(err)
		}
		v.refuses(t, name+" with the right signature", func(s *memStore) {
			s.objects[key], s.objects[key+signatureSuffix] = content, own
		})
	}
}

// A newer format is refused by its number, before anything of it is used.
func TestNewerFormat(t *testing.T) {
	v := newVictim(t)
	key := manifestKey(v.run)
	store := v.store.clone()
	content := bytes.Replace(store.objects[key], []byte(`"reader":1`), []byte(`"reader":9`), 1)
	r, err := Open(t.Context(), store, v.keys)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := v.keys.Sign.Sign(content, r.comment(manifestComment(v.run)))
	if err != nil {
		t.Fatal(err)
	}
	store.objects[key], store.objects[key+signatureSuffix] = content, signature
	if _, err := r.View(t.Context(), v.run); !errors.Is(err, ErrNewerFormat) || !strings.Contains(err.Error(), "9") {
		t.Error(err)
	}
}

// sameForRestore reports whether two stores differ at most in lists of objects, which prunes and
// verifications read, and restores do not.
func (s *memStore) sameForRestore(other *memStore) bool {
	return s.equalTo(other) && other.equalTo(s)
}

func (s *memStore) equalTo(other *memStore) bool {
	for key, body := range s.objects {
		found, ok := other.objects[key]
		if (!ok || !bytes.Equal(body, found)) && !strings.Contains(key, "/objects-") {
			return false
		}
	}
	return true
}
