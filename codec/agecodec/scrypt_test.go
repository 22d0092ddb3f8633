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
