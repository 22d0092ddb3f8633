package backup

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A verification that found damage forbids a prune until a later one has read the whole backup,
// also if an earlier one has.
func TestPruneAfterDamage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, store := makeRepository(t)
		old := makeBackup(t, r, time.Now(), plainCollection(t, "db", "c", 3))
		time.Sleep(day)
		young := makeBackup(t, r, time.Now(), plainCollection(t, "db", "c", 3))
		lastOne := Retention{Last: 1}
		for _, depth := range []Depth{Present, Read} {
			time.Sleep(day)
			readWhole(t, r, young)
			time.Sleep(day)
			key := store.keys("data/" + young)[0]
			body := store.objects[key]
			store.objects[key] = body[:len(body)-1]
			if _, err := Run(t.Context(), view(t, r, young).Verify(depth, nil), 1); !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			store.objects[key] = body
			if _, err := r.Prune(t.Context(), lastOne, nil); !errors.Is(err, ErrUnverified) || len(runs(t, r)) != 2 {
				t.Fatalf("after %s found damage: %v", depth, err)
			}
			result, err := r.Prune(t.Context(), lastOne, &PruneOptions{DryRun: true, Unverified: true})
			if err != nil || len(result.Weaker) != 1 || !strings.Contains(result.Weaker[0], "damage") {
				t.Fatal(result, err)
			}
			time.Sleep(day)
			if _, err := Run(t.Context(), view(t, r, young).Verify(Present, nil), 1); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Prune(t.Context(), lastOne, nil); !errors.Is(err, ErrUnverified) {
				t.Fatalf("after %s found damage, and nothing read it: %v", depth, err)
			}
		}
		time.Sleep(day)
		readWhole(t, r, young)
		if result, err := r.Prune(t.Context(), lastOne, nil); err != nil || len(result.Deleted) != 1 ||
			result.Deleted[0] != old {
			t.Fatal(result, err)
		}
	})
}

// The newest proof decides. If two clocks disagree about which one it is, the one that found damage
// does.
func TestProven(t *testing.T) {
	at := func(of string, passed bool, verifier, store int) storedProof {
		began := time.Unix(int64(verifier), 0)
		return storedProof{
			Proof:  Proof{Of: of, Passed: passed, Manifest: "m", Began: began, Ended: began.Add(10 * time.Second)},
			stored: time.Unix(int64(store), 0),
		}
	}
	other := at("read", true, 100, 100)
	other.Manifest = "another"
	refused := at("drill", false, 200, 210)
	refused.Problems = []Problem{{Reason: reasonRefused}}
	alsoDamaged := at("drill", false, 200, 210)
	alsoDamaged.Problems = []Problem{{Reason: reasonRefused}, {Reason: reasonDamaged}}
	for name, test := range map[string]struct {
		proofs          []storedProof
		proven, damaged bool
	}{
		"no proof":                      {nil, false, false},
		"present":                       {[]storedProof{at("present", true, 100, 110)}, false, false},
		"another manifest":              {[]storedProof{other}, false, false},
		"read":                          {[]storedProof{at("read", true, 100, 110)}, true, false},
		"drill":                         {[]storedProof{at("drill", true, 100, 110)}, true, false},
		"damaged":                       {[]storedProof{at("read", false, 100, 110)}, false, true},
		"refused by the scratch server": {[]storedProof{at("read", true, 100, 110), refused}, true, false},
		"refused, and damaged":          {[]storedProof{at("read", true, 100, 110), alsoDamaged}, false, true},
		"damaged and read": {
			[]storedProof{at("read", false, 100, 110), at("read", true, 200, 210)},
			true,
			false,
		},
		"read and damaged": {
			[]storedProof{at("read", true, 100, 110), at("read", false, 200, 210)},
			false,
			true,
		},
		"read and not present": {
			[]storedProof{at("read", true, 100, 110), at("present", false, 200, 210)},
			false, true,
		},
		"read and drill failed": {
			[]storedProof{at("read", true, 100, 110), at("drill", false, 200, 210)},
			false,
			true,
		},
		"damaged and present": {
			[]storedProof{at("read", false, 100, 110), at("present", true, 200, 210)},
			false, true,
		},
		"damaged between two reads": {[]storedProof{
			at("read", true, 1, 1), at("read", false, 100, 110),
			at("read", true, 200, 210),
		}, true, false},
		"both at once": {
			[]storedProof{at("read", false, 100, 110), at("read", true, 100, 110)},
			false,
			true,
		},
		"read began before the other": {
			[]storedProof{at("read", false, 100, 110), at("read", true, 105, 115)},
			false,
			true,
		},
		"stored in the same second": {
			[]storedProof{at("read", false, 100, 200), at("read", true, 150, 200)},
			false,
			true,
		},
		"damaged by a clock behind": {
			[]storedProof{at("read", false, 1, 210), at("read", true, 100, 110)},
			false,
			true,
		},
		"read by a clock ahead": {
			[]storedProof{at("read", true, 900, 110), at("read", false, 200, 210)},
			false,
			true,
		},
	} {
		proven, damaged := judge(test.proofs, "m")
		if proven != test.proven || damaged != test.damaged {
			t.Errorf("%s: proven %v, damaged %v", name, proven, damaged)
		}
	}
}
