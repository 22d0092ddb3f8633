package signing_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/millweir/millweir/backup/signing"
)

// The program minisign verifies our signatures, and we sign with the keys that it makes.
func TestProgram(t *testing.T) {
	program, err := exec.LookPath("minisign")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("minisign is not installed")
		}
		t.Skip("minisign is not installed")
	}
	dir := t.TempDir()
	run := func(args ...string) {
		t.Helper()
		cmd := exec.Command(program, args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("minisign %v: %v\n%s", args, err, out)
		}
	}
	save := func(name string, content []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	load := func(name string) []byte {
		t.Helper()
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	message := []byte("{\"format\":1}\n")
	save("manifest.json", message)

	secret, public := generate(t)
	signature, err := secret.Sign(message, "manifest 1")
	if err != nil {
		t.Fatal(err)
	}
	save("manifest.json.sig", signature)
	run("-V", "-P", public.String(), "-m", "manifest.json", "-x", "manifest.json.sig")

	run("-G", "-W", "-p", "key.pub", "-s", "key.sec")
	secret, err = signing.ParseKey(load("key.sec"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if signature, err = secret.Sign(message, "manifest 2"); err != nil {
		t.Fatal(err)
	}
	save("manifest.json.sig", signature)
	run("-V", "-p", "key.pub", "-m", "manifest.json", "-x", "manifest.json.sig")

	run("-S", "-s", "key.sec", "-m", "manifest.json", "-x", "theirs.sig", "-t", "manifest 3")
	key, err := signing.ParsePublicKey(string(load("key.pub")))
	if err != nil {
		t.Fatal(err)
	}
	if err := key.Verify(message, load("theirs.sig"), "manifest 3"); err != nil {
		t.Error(err)
	}
}
