package main

import (
	"encoding/base64"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/blake2b"
	"golang.org/x/crypto/scrypt"
)

// encryptKey makes a copy of a file with a secret key of minisign that a password encrypts, at the
// lowest costs. It returns the bytes that sign.
func (w *world) encryptKey(t *testing.T, from, to, password string) string {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(w.dir, from))
	if err != nil {
		t.Fatal(err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(strings.Split(string(file), "\n")[1]))
	if err != nil {
		t.Fatal(err)
	}
	const body, seed = 54, 62 // offsets, after algorithms, salt and costs, and after the key's number
	secret := string(key[seed : seed+32])
	sum := blake2b.Sum256(append([]byte("Ed"), key[body:126]...))
	copy(key[126:], sum[:])
	// 32768 operations in 16 MiB are N = 1024, r = 8 and p = 1, as libsodium has it.
	copy(key[2:], "Sc")
	binary.LittleEndian.PutUint64(key[38:], 32768)
	binary.LittleEndian.PutUint64(key[46:], 16<<20)
	mask, err := scrypt.Key([]byte(password), key[6:38], 1024, 8, 1, len(key)-body)
	if err != nil {
		t.Fatal(err)
	}
	for i := range mask {
		key[body+i] ^= mask[i]
	}
	text := "untrusted comment: a key with a password\n" + base64.StdEncoding.EncodeToString(key) + "\n"
	if err := os.WriteFile(filepath.Join(w.dir, to), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return secret
}
