package agecodec

import (
	"bytes"
	"fmt"
	"testing"

	"golang.org/x/crypto/scrypt"
)

// TestScryptKey compares with golang.org/x/crypto.
func TestScryptKey(t *testing.T) {
	for logN := 1; logN <= 11; logN++ {
		for _, password := range []string{"x", "correct horse battery staple", "\x00\xff", string(make([]byte, 200))} {
			salt := fmt.Appendf(nil, "salt %d", logN)
			want, err := scrypt.Key([]byte(password), salt, 1<<logN, 8, 1, 32)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := scryptKey(t.Context(), password, salt, logN); err != nil || !bytes.Equal(got, want) {
				t.Errorf("2^%d, %q: %x, %v, want %x", logN, password, got, err, want)
			}
		}
	}
}

// TestWorkFactors: a work factor that is allowed for encryption is also allowed for decryption.
func TestWorkFactors(t *testing.T) {
	for _, c := range []struct{ work, most, wantWork, wantMost int }{
		{0, 0, 18, 20}, {20, 0, 20, 20}, {21, 0, 21, 21}, {30, 0, 30, 30}, {25, 22, 25, 22}, {0, 5, 18, 5},
	} {
		p := newPassphrase("pw", &PassphraseOptions{WorkFactor: c.work, MaxWorkFactor: c.most})
		if p.WorkFactor != c.wantWork || p.MaxWorkFactor != c.wantMost || p.check() != nil {
			t.Errorf("%d and %d become %d and %d, want %d and %d", c.work, c.most, p.WorkFactor, p.MaxWorkFactor,
				c.wantWork, c.wantMost)
		}
	}
}

// BenchmarkScrypt compares scryptKey with golang.org/x/crypto/scrypt.
func BenchmarkScrypt(b *testing.B) {
	b.Run("ours", func(b *testing.B) {
		for b.Loop() {
			if _, err := scryptKey(b.Context(), "password", []byte("salt"), 15); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("x/crypto", func(b *testing.B) {
		for b.Loop() {
			if _, err := scrypt.Key([]byte("password"), []byte("salt"), 1<<15, 8, 1, 32); err != nil {
				b.Fatal(err)
			}
		}
	})
}
