//go:build unix

package main

import (
	"os"
	"path/filepath"
	"testing"
)

// A public key that everyone can write is refused, and the message says why.
func TestOpenPublicKey(t *testing.T) {
	w := newWorld(t)
	w.repository(t)
	if err := os.Chmod(filepath.Join(w.dir, "sign.key.pub"), 0o666); err != nil {
		t.Fatal(err)
	}
	w.fails(t, 1, []string{"everyone can write sign.key.pub", "chmod o-w"}, "list", w.repo, "--trust", "sign.key.pub")
}
