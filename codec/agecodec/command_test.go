package agecodec_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/millweir/millweir/codec/agecodec"
)

// command finds a program of age's, or skips the test where that is allowed.
func command(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	const how = "%s is not on the PATH: install the package age of the system, or go install filippo.io/age/cmd/...@latest"
	if os.Getenv("CI") == "true" {
		t.Fatalf(how, name)
	}
	t.Skipf(how, name)
	return ""
}

// run runs a program with input and returns what it writes.
func run(t *testing.T, input []byte, path string, args ...string) ([]byte, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stdin = bytes.NewReader(input)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	if err != nil {
		t.Logf("%s %v: %v: %s", filepath.Base(path), args, err, &said)
	}
	return out.Bytes(), err
}

func TestAgeCommand(t *testing.T) {
	agePath, keygen := command(t, "age"), command(t, "age-keygen")
	file := filepath.Join(t.TempDir(), "key.txt")
	if _, err := run(t, nil, keygen, "-o", file); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ids, err := agecodec.ParseIdentities(f)
	if err != nil {
		t.Fatal(err)
	}
	public, err := run(t, nil, keygen, "-y", file)
	if err != nil {
		t.Fatal(err)
	}
	to, err := agecodec.ParseRecipients(string(public))
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range edges {
		data := noise(size)
		ours := must(t)(through(agecodec.Encrypt(to...), data, 0))
		if got, err := run(t, ours, agePath, "-d", "-i", file); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes: age reads %d bytes of ours, %v", size, len(got), err)
		}
		theirs, err := run(t, data, agePath, "-R", writeFile(t, public))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := through(agecodec.Decrypt(ids...), theirs, 0); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes: we read %d bytes of age's, %v", size, len(got), err)
		}
	}
}

func writeFile(t *testing.T, p []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, p, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestAgeCommandWithSSHKeys(t *testing.T) {
	agePath := command(t, "age")
	for name, key := range sshKeys(t) {
		to, err := agecodec.ParseRecipients(key.public)
		if err != nil {
			t.Fatal(err)
		}
		id, err := agecodec.ParseSSHIdentity(key.pem, nil)
		if err != nil {
			t.Fatal(err)
		}
		data := noise(1000)
		private := writeFile(t, key.pem)
		ours := must(t)(through(agecodec.Encrypt(to...), data, 0))
		if got, err := run(t, ours, agePath, "-d", "-i", private); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: age reads %d bytes of ours, %v", name, len(got), err)
		}
		theirs, err := run(t, data, agePath, "-r", key.public)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := through(agecodec.Decrypt(id), theirs, 0); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: we read %d bytes of age's, %v", name, len(got), err)
		}
	}
}
