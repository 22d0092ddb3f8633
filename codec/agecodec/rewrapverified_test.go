package agecodec_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"

	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// TestRewrapVerifies damages each chunk of a file. Rewrap emits only the chunks before it, and the
// run fails. RewrapUnverified passes the chunk on, and the damage is found on decryption.
func TestRewrapVerifies(t *testing.T) {
	a, b := newKey(t), newKey(t)
	file := ageEncrypt(t, noise(3*chunk+5), a.Recipient())
	head := len(file) - len(payloadOf(t, file)) + 16
	swapped := bytes.Clone(file)
	first := swapped[head : head+2*(chunk+16)]
	first = append(bytes.Clone(first[chunk+16:]), first[:chunk+16]...)
	copy(swapped[head:], first)
	flip := func(at int) []byte {
		bad := bytes.Clone(file)
		bad[at] ^= 1
		return bad
	}
	for name, c := range map[string]struct {
		file []byte
		good int // chunks that may be emitted
	}{
		"first chunk":         {flip(head + 100), 0},
		"tag of the first":    {flip(head + chunk + 15), 0},
		"second chunk":        {flip(head + chunk + 16), 1},
		"third chunk":         {flip(head + 2*(chunk+16) + chunk), 2},
		"two chunks in turns": {swapped, 0},
		"a chunk left out":    {append(bytes.Clone(file[:head+chunk+16]), file[head+2*(chunk+16):]...), 1},
	} {
		for _, size := range []int{0, 1000, chunk + 16} {
			got, err := through(agecodec.Rewrap([]age.Identity{a}, b.Recipient()), c.file, size)
			if !errors.Is(err, agecodec.ErrDamaged) {
				t.Errorf("%s, by %d: %v, want %v", name, size, err, agecodec.ErrDamaged)
			}
			if most := head + c.good*(chunk+16); len(got) > most {
				t.Errorf("%s, by %d: %d bytes came out, %d are good", name, size, len(got), most)
			}
			passed, err := through(agecodec.RewrapUnverified([]age.Identity{a}, b.Recipient()), c.file, size)
			if len(c.file) != len(file) { // the damage is found in the last chunk
				if !errors.Is(err, agecodec.ErrDamaged) {
					t.Errorf("%s, by %d, unverified: %v, want %v", name, size, err, agecodec.ErrDamaged)
				}
				continue
			}
			if err != nil || !bytes.Equal(payloadOf(t, passed), payloadOf(t, c.file)) {
				t.Errorf("%s, by %d, unverified: %d bytes, %v", name, size, len(passed), err)
			}
			if _, err := through(agecodec.Decrypt(b), passed, 0); !errors.Is(err, agecodec.ErrDamaged) {
				t.Errorf("%s, by %d, unverified and decrypted: %v", name, size, err)
			}
		}
	}
}

// TestRewrapPublishesNothingDamaged writes to a file, whose name does not exist before the payload
// is verified.
func TestRewrapPublishesNothingDamaged(t *testing.T) {
	a, b := newKey(t), newKey(t)
	file := ageEncrypt(t, noise(3*chunk), a.Recipient())
	file[len(file)-chunk-20] ^= 1 // in the second chunk of three
	name := filepath.Join(t.TempDir(), "rotated.age")
	_, err := stream.Run(ctx, stream.Via(pieces(file, 1000), agecodec.Rewrap([]age.Identity{a}, b.Recipient())),
		sink.File(name, nil))
	if !errors.Is(err, agecodec.ErrDamaged) {
		t.Errorf("%v, want %v", err, agecodec.ErrDamaged)
	}
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is there: %v", err)
	}
}

func FuzzRewrap(f *testing.F) {
	a, b := newKey(f), newKey(f)
	f.Add(ageEncrypt(f, []byte("hello"), a.Recipient()), 3)
	f.Add(ageArmor(f, ageEncrypt(f, noise(chunk+1), a.Recipient())), 1000)
	f.Fuzz(func(t *testing.T, file []byte, cut int) {
		want, werr := through(agecodec.Decrypt(a), file, max(cut, 0))
		_, err := through(agecodec.Rewrap([]age.Identity{a}, b.Recipient()), file, max(cut, 0))
		if (err == nil) != (werr == nil) {
			t.Fatalf("read: %v; rewrapped: %v", werr, err)
		}
		again, err := through(agecodec.RewrapUnverified([]age.Identity{a}, b.Recipient()), file, max(cut, 0))
		if werr == nil && err != nil {
			t.Fatalf("it can be read, and rewrapped unverified: %v", err)
		}
		if err != nil {
			return
		}
		got, err := through(agecodec.Decrypt(b), again, 0)
		if (err == nil) != (werr == nil) || !bytes.Equal(got, want) {
			t.Fatalf("read: %d bytes, %v; rewrapped and read: %d bytes, %v", len(want), werr, len(got), err)
		}
	})
}
