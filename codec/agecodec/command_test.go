package agecodec_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/stream"
)

// command returns the path of a program of age. Without it, it skips the test, or fails it on CI.
func command(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	const how = "%s is not on the PATH: install the package age of the system, " +
		"or go install filippo.io/age/cmd/...@latest"
	if os.Getenv("CI") == "true" {
		t.Fatalf(how, name)
	}
	t.Skipf(how, name)
	return ""
}

// run runs a program with input and returns its output.
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

// TestAgeCommandWithArmor exchanges armored files.
func TestAgeCommandWithArmor(t *testing.T) {
	agePath := command(t, "age")
	key, young := newKey(t), newKey(t)
	file := writeFile(t, []byte(key.String()+"\n"))
	for _, size := range edges {
		data := noise(size)
		ours := must(t)(through(stream.Then(agecodec.Encrypt(key.Recipient()), agecodec.Armor()), data, 0))
		if got, err := run(t, ours, agePath, "-d", "-i", file); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes: age reads %d bytes of ours, %v", size, len(got), err)
		}
		theirs, err := run(t, data, agePath, "-a", "-r", key.Recipient().String())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := through(agecodec.Decrypt(key), theirs, 1000); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes: we read %d bytes of age's, %v", size, len(got), err)
		}
		again := must(t)(through(agecodec.Rewrap([]age.Identity{key}, young.Recipient()), theirs, 0))
		if got, err := run(t, again, agePath, "-d", "-i", writeFile(t, []byte(young.String()+"\n"))); err != nil ||
			!bytes.Equal(got, data) {
			t.Errorf("%d bytes: age reads %d bytes of what we rewrapped, %v", size, len(got), err)
		}
		if _, err := run(t, again, agePath, "-d", "-i", file); err == nil {
			t.Error("age reads what we rewrapped with the old key")
		}
	}
}

// TestAgeCommandWithPassphrase exchanges files with a passphrase, which age reads from a terminal.
func TestAgeCommandWithPassphrase(t *testing.T) {
	agePath := command(t, "age")
	script, err := exec.LookPath("script")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("script, of util-linux, is not on the PATH")
		}
		t.Skip("script, of util-linux, is not on the PATH: age reads passphrases from a terminal only, " +
			"and script gives it one")
	}
	const word = "correct horse"
	dir := t.TempDir()
	name := func(s string) string { return filepath.Join(dir, s) }
	write := func(s string, p []byte) {
		if err := os.WriteFile(name(s), p, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	data := noise(chunk + 1)
	write("ours.age",
		must(t)(through(agecodec.Encrypt(agecodec.PassphraseRecipient(word,
			&agecodec.PassphraseOptions{WorkFactor: 12})), data, 0)))
	if out, err := run(t, []byte(word+"\n"), script, "-qec", agePath+" -d -o "+name("ours")+" "+name("ours.age"),
		"/dev/null"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got, err := os.ReadFile(name("ours")); err != nil || !bytes.Equal(got, data) {
		t.Errorf("age reads %d bytes of ours, %v", len(got), err)
	}
	write("theirs", data)
	if out, err := run(t, []byte(word+"\n"+word+"\n"), script, "-qec", agePath+" -p -a -o "+name("theirs.age")+" "+
		name("theirs"), "/dev/null"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	theirs, err := os.ReadFile(name("theirs.age"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := through(agecodec.Decrypt(agecodec.PassphraseIdentity(word, nil)), theirs, 0); err != nil ||
		!bytes.Equal(got, data) {
		t.Errorf("we read %d bytes of age's, %v", len(got), err)
	}
	info, err := stream.Run(ctx, pieces(theirs, 0), agecodec.Inspect())
	if err != nil || !info.Passphrase() || !info.Armored || info.WorkFactor < 10 {
		t.Errorf("%+v, %v", info, err)
	}
	tight := agecodec.PassphraseIdentity(word, &agecodec.PassphraseOptions{MaxWorkFactor: info.WorkFactor - 1})
	if _, err := through(agecodec.Decrypt(tight), theirs, 0); !errors.Is(err, agecodec.ErrWorkFactor) {
		t.Errorf("less work allowed: %v", err)
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
