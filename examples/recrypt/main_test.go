package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/millweir/millweir/s3test"
)

// Only the new identity opens the new object. The old object remains.
func TestNewKey(t *testing.T) {
	server := newServer(t)
	old, oldFile := newIdentity(t)
	next, _ := newIdentity(t)
	text := bytes.Repeat([]byte("cookies\n"), 9<<20/8) // more than one part
	stored := encrypt(t, text, old)
	server.Put("backups", "old.age", stored)

	var out strings.Builder
	args := []string{"s3://backups/old.age", "s3://backups/2027/new.age", oldFile, next.Recipient().String()}
	if err := run(t.Context(), args, &out); err != nil {
		t.Fatal(err)
	}
	object := server.Object("backups", "2027/new.age")
	if object == nil {
		t.Fatal("there is no new object")
	}
	if got, err := decrypt(object.Body, next); err != nil || !bytes.Equal(got, text) {
		t.Errorf("the new key reads %d bytes, %v; want %d", len(got), err, len(text))
	}
	if _, err := decrypt(object.Body, old); err == nil {
		t.Error("the old key reads the new object")
	}
	if !bytes.Equal(server.Object("backups", "old.age").Body, stored) {
		t.Error("the old object has changed")
	}
	if want := fmt.Sprintf("s3://backups/2027/new.age: %d bytes, verified\n", len(object.Body)); out.String() != want {
		t.Errorf("it says %q, want %q", out.String(), want)
	}
}

// A failed run stores nothing and says why.
func TestFailures(t *testing.T) {
	server := newServer(t)
	old, oldFile := newIdentity(t)
	next, nextFile := newIdentity(t)
	recipient := next.Recipient().String()
	damaged := encrypt(t, make([]byte, 9<<20), old)
	damaged[len(damaged)/2] ^= 1
	server.Put("backups", "damaged.age", damaged)
	server.Put("backups", "good.age", encrypt(t, []byte("text"), old))
	server.Put("backups", "plain.txt", []byte("text"))
	noKey := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(noKey, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const good, target = "s3://backups/good.age", "s3://backups/new.age"
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{good, target, oldFile}, "usage"},
		{[]string{"good.age", target, oldFile, recipient}, `"good.age" is not s3://BUCKET/KEY`},
		{[]string{good, "s3://backups", oldFile, recipient}, `"s3://backups" is not s3://BUCKET/KEY`},
		{[]string{good, target, "missing", recipient}, "missing"},
		{[]string{good, target, noKey, recipient}, noKey + " must hold a secret key"},
		{[]string{good, target, oldFile, "age1x"}, "RECIPIENT must be a public key"},
		{[]string{"s3://backups/missing", target, oldFile, recipient}, "there is no such object"},
		{[]string{"s3://backups/plain.txt", target, oldFile, recipient}, "age"},
		{[]string{"s3://backups/damaged.age", target, oldFile, recipient}, "damaged"},
		{[]string{good, target, nextFile, recipient}, "identit"},
		{[]string{good, good, oldFile, recipient}, good + " exists: choose a new key"},
	} {
		var out strings.Builder
		err := run(t.Context(), test.args, &out)
		if err == nil || !strings.Contains(err.Error(), test.want) || out.String() != "" {
			t.Errorf("%q: error %v, want %s; it says %q", test.args, err, test.want, out.String())
		}
		if server.Object("backups", "new.age") != nil || len(server.Uploads("backups")) != 0 {
			t.Errorf("%q: an object or an upload is left", test.args)
		}
	}
}

// newServer starts an S3 server, and points the AWS settings of this process at it.
func newServer(t *testing.T) *s3test.Server {
	t.Helper()
	server := s3test.New(nil)
	t.Cleanup(server.Close)
	server.CreateBucket("backups")
	t.Setenv("AWS_ENDPOINT_URL_S3", server.URL)
	t.Setenv("AWS_REGION", "us-east-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	t.Setenv("HOME", t.TempDir()) // without ~/.aws
	return server
}

func newIdentity(t *testing.T) (identity *age.X25519Identity, file string) {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "key.txt")
	if err := os.WriteFile(file, []byte(identity.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return identity, file
}

func encrypt(t *testing.T, text []byte, identity *age.X25519Identity) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := age.Encrypt(&b, identity.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func decrypt(data []byte, identity age.Identity) ([]byte, error) {
	r, err := age.Decrypt(bytes.NewReader(data), identity)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
