package main

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A secret that is given in place of the name of its file is not shown, and neither is the password of
// the environment.
func TestSecretInPlaceOfFile(t *testing.T) {
	w := newWorld(t)
	w.repository(t)
	key, err := os.ReadFile(filepath.Join(w.dir, "sign.key"))
	if err != nil {
		t.Fatal(err)
	}
	signer := strings.Split(string(key), "\n")[1]
	const password = "correct-horse-battery"
	for _, test := range []struct{ secret, flag string }{
		{signer, "--identity"},
		{signer, "--signing-key"},
		{signer, "--trust"},
		{signer, "--mongo-file"},
		{"user:" + password + "@db", "--mongo-file"},
	} {
		o := w.run(t, "doctor", "./repo", test.flag, test.secret)
		if said := o.out + o.messages; o.code == 0 || strings.Contains(said, test.secret) ||
			!strings.Contains(said, test.flag[1:]) {
			t.Errorf("%s: %d, %s", test.flag, o.code, said)
		}
	}
	w.protectKey(t)
	w.fails(t, 1, []string{"--signing-password-file", "no such file"}, "list", "./repo", "--signing-key", "p.key",
		"--signing-password-file", password)
	w.env = append(w.env, "MILLWEIR_SIGNING_PASSWORD="+password)
	if o := w.run(t, "list", "./"+password); strings.Contains(o.messages, password) {
		t.Error(o.messages)
	}
}

// protectKey writes p.key, the form of a signing key that needs a password.
func (w *world) protectKey(t *testing.T) {
	t.Helper()
	key := append([]byte("EdScB2"), make([]byte, 152)...)
	text := "untrusted comment: of a test\n" + base64.StdEncoding.EncodeToString(key) + "\n"
	if err := os.WriteFile(filepath.Join(w.dir, "p.key"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A password in the URI is never shown.
func TestSecrets(t *testing.T) {
	w := newWorld(t)
	w.repository(t)
	const password = "hunter2-hunter2"
	w.env = append(w.env, "MONGODB_URI=mongodb://root:"+password+"@127.0.0.1:1/?serverSelectionTimeoutMS=50")
	for _, args := range [][]string{
		{"backup", "./repo", "--signing-key", "sign.key"},
		{"doctor", "./repo"},
		{"backup", "./repo", "--signing-key", "sign.key", "--json"},
	} {
		if o := w.run(t, args...); o.code != 1 || strings.Contains(o.out+o.messages, password) {
			t.Errorf("%q: %d, %s%s", args, o.code, o.out, o.messages)
		}
	}
}
