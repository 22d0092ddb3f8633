//go:build unix

package cli

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"filippo.io/age"
)

// keyFile writes text into a file with the mode.
func keyFile(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(name, mode); err != nil { // whatever the umask
		t.Fatal(err)
	}
	return name
}

func TestIdentityFilesOfOthers(t *testing.T) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[os.FileMode]string{
		0o600: "", 0o400: "", 0o700: "",
		0o640: "others can read", 0o644: "others can read", 0o604: "others can read", 0o444: "others can read",
		0o660: "others can write", 0o620: "others can write", 0o602: "others can write", 0o666: "others can write",
	} {
		name := keyFile(t, id.String()+"\n", mode)
		link := name + ".link"
		if err := os.Symlink(name, link); err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{name, link} {
			ids, err := LoadIdentities("-identity", file)
			switch {
			case want == "":
				if err != nil || len(ids) != 1 {
					t.Errorf("mode %o: %d keys, %v", mode, len(ids), err)
				}
			case err == nil:
				t.Errorf("mode %o: it was read", mode)
			case !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "chmod 600 "+file):
				t.Errorf("mode %o: %v", mode, err)
			}
		}
		if _, err := ReadSecret("--signing-key", name); (err == nil) != (want == "") {
			t.Errorf("mode %o, as another secret: %v", mode, err)
		}
	}
}

// TestMountedIdentities checks that a file of another user is rejected only if others can write it.
func TestMountedIdentities(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for mode, ok := range map[os.FileMode]bool{0o444: true, 0o644: true, 0o440: true, 0o664: false, 0o646: false} {
		name := keyFile(t, id.String(), mode)
		if err := os.Chown(name, 1, 1); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadIdentities("-identity", name); (err == nil) != ok {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
}

// TestIdentitiesFromAPipe checks that the mode of a pipe does not matter.
func TestIdentitiesFromAPipe(t *testing.T) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(name, 0o666); err != nil {
		t.Fatal(err)
	}
	wrote := make(chan error)
	go func() { wrote <- os.WriteFile(name, []byte(id.String()), 0) }()
	if ids, err := LoadIdentities("-identity", name); err != nil || len(ids) != 1 {
		t.Errorf("%d keys, %v", len(ids), err)
	}
	if err := <-wrote; err != nil {
		t.Error(err)
	}
}

func TestRecipientsFilesOfOthers(t *testing.T) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for mode, ok := range map[os.FileMode]bool{0o600: true, 0o644: true, 0o664: true, 0o666: false, 0o646: false} {
		text, err := ReadPublic("--recipients-file", keyFile(t, id.Recipient().String()+"\n", mode))
		if (err == nil) != ok || ok && len(text) == 0 {
			t.Errorf("mode %o: %q, %v", mode, text, err)
		}
	}
}
