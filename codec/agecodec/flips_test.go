package agecodec_test

import (
	"bytes"
	"fmt"
	"os/exec"
	"testing"

	"filippo.io/age"

	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/stream"
)

// TestEverySingleFlip flips each bit of small files, binary and armored, written by this package
// and by age. Without MILLWEIR_LONG it flips a third of the bits. Every changed file is refused.
func TestEverySingleFlip(t *testing.T) {
	key := newKey(t)
	type file struct{ packed, plain []byte }
	files := map[string]file{}
	for _, size := range []int{0, 1, 48, 150} {
		plain := noise(size)
		encrypt := agecodec.Encrypt(key.Recipient())
		files[fmt.Sprintf("binary of %d", size)] = file{collect(t, stream.Via(pieces(plain, 0), encrypt)), plain}
		files[fmt.Sprintf("armored of %d", size)] = file{collect(t, stream.Via2(pieces(plain, 0), encrypt,
			agecodec.Armor())), plain}
	}
	for name, f := range files {
		if len(f.plain) == 150 && name[0] == 'a' {
			files["armored, CRLF"] = file{bytes.ReplaceAll(f.packed, []byte("\n"), []byte("\r\n")), f.plain}
		}
	}
	if path, err := exec.LookPath("age"); err == nil {
		for _, args := range [][]string{{"-r", key.Recipient().String()}, {"-a", "-r", key.Recipient().String()}} {
			cmd := exec.Command(path, args...)
			cmd.Stdin = bytes.NewReader(noise(100))
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			files[fmt.Sprintf("by age %s", args[0])] = file{out, noise(100)}
		}
	}
	for name, f := range files {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			step := 1
			if !long {
				step = 3 // an odd step reaches every byte, and each of the eight bits in some bytes
			}
			flips := 0
			for bit := 0; bit < 8*len(f.packed); bit += step {
				bad := bytes.Clone(f.packed)
				bad[bit/8] ^= 1 << (bit % 8)
				got, err := through(agecodec.Decrypt([]age.Identity{key}...), bad, 0)
				flips++
				switch {
				case err != nil && !typed(err):
					t.Errorf("byte %d, bit %d: %v", bit/8, bit%8, err)
				case err == nil:
					t.Errorf("byte %d, bit %d: %d bytes of %d without an error", bit/8, bit%8, len(got), len(f.plain))
				}
			}
			t.Logf("%d flips", flips)
		})
	}
}
