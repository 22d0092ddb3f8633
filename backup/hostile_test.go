package backup

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millweir/millweir/backup/signing"
)

var hostileFlips = flag.Int("hostile-flips", 0, "the number of random bit flips of TestHostileFlips")

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
