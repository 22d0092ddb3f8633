package backup_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/dirstore"
	"github.com/millweir/millweir/backup/signing"
	"github.com/millweir/millweir/stream"
)

// reads returns nil if the identity reads every epoch of the repository. It changes nothing: it is
// a Rekey that is killed before its first change.
func reads(t *testing.T, store backup.Store, p person, signer *signing.Key) error {
	t.Helper()
	keys := p.keys()
	keys.Sign, keys.Trust = nil, []signing.PublicKey{signer.Public()}
	r, err := backup.Open(t.Context(), killAt(store, 1, false), keys)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Rekey(t.Context()); !errors.Is(err, errKilled) {
		return err
	}
	return nil
}

// A Rekey that is killed at any step leaves a repository that the old or the new key reads. When it
// is whole, only the new ones do.
func TestRekeyKilled(t *testing.T) {
	old, new1, new2 := newPerson(t), newPerson(t), newPerson(t)
	finished := false
	for n := 1; !finished; n++ {
		for _, applied := range []bool{false, true} {
			store := dirstore.New(t.TempDir(), nil)
			r, err := backup.Init(t.Context(), store, old.keys(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := r.NewEpoch(t.Context()); err != nil {
				t.Fatal(err)
			}
			rekey := func(s backup.Store, by person) error {
				keys := by.keys()
				keys.Sign = old.sign
				keys.Recipients = []age.Recipient{new1.identity.Recipient(), new2.identity.Recipient()}
				r, err := backup.Open(t.Context(), s, keys)
				if err != nil {
					t.Fatal(err)
				}
				return r.Rekey(t.Context())
			}
			err = rekey(killAt(store, n, applied), old)
			finished = err == nil
			if err != nil && !errors.Is(err, errKilled) {
				t.Fatal(err)
			}
			byOld, byNew := reads(t, store, old, old.sign), reads(t, store, new1, old.sign)
			if byOld != nil && byNew != nil {
				t.Errorf("killed at change %d: %v; %v", n, byOld, byNew)
				continue
			}
			again := old
			if byOld != nil {
				again = new1
			}
			if err := rekey(store, again); err != nil {
				t.Errorf("killed at change %d, repeated: %v", n, err)
			}
			if err := reads(t, store, old, old.sign); !errors.Is(err, backup.ErrNoKey) ||
				stream.ClassOf(err) != stream.Fatal {
				t.Errorf("killed at change %d: the old key still reads: %v", n, err)
			}
			for _, p := range []person{new1, new2} {
				if err := reads(t, store, p, old.sign); err != nil {
					t.Errorf("killed at change %d: a new key does not read: %v", n, err)
				}
			}
		}
	}
}

func TestShred(t *testing.T) {
	me := newPerson(t)
	dir := t.TempDir()
	store := dirstore.New(dir, nil)
	r, err := backup.Init(t.Context(), store, me.keys(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Shred(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := reads(t, store, me, me.sign); !errors.Is(err, backup.ErrShredded) || stream.ClassOf(err) != stream.Fatal {
		t.Error(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "keys", "*", "*.age"))
	if err != nil || len(left) > 0 {
		t.Error(left, err)
	}
}

// What is changed in the folder of keys is found before anything is encrypted or decrypted with it.
func TestForgedKeys(t *testing.T) {
	me, thief := newPerson(t), newPerson(t)
	for name, test := range map[string]struct {
		forge func(dir, epoch string)
		want  error
	}{
		"recipient": {func(dir, epoch string) {
			put(t, dir, epoch+"/recipient", thief.identity.Recipient().String()+"\n")
		}, signing.ErrSignature},
		"new epoch": {func(dir, _ string) {
			put(t, dir, "keys/29991231t235959z-0000000000000000/recipient", thief.identity.Recipient().String()+"\n")
		}, backup.ErrUnsigned},
		"copied epoch": {func(dir, epoch string) {
			copied := "keys/29991231t235959z-0000000000000000"
			for _, file := range []string{"recipient", "recipient.sig", "0.age"} {
				content, err := os.ReadFile(filepath.Join(dir, epoch, file))
				if err != nil {
					t.Fatal(err)
				}
				put(t, dir, copied+"/"+file, string(content))
			}
		}, signing.ErrSignature},
		"no signature": {func(dir, epoch string) {
			if err := os.Remove(filepath.Join(dir, epoch, "recipient.sig")); err != nil {
				t.Fatal(err)
			}
		}, backup.ErrUnsigned},
		"another identity": {func(dir, epoch string) {
			var envelope strings.Builder
			w, err := age.Encrypt(&envelope, me.identity.Recipient())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(w, thief.identity.String()+"\n"); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			put(t, dir, epoch+"/0.age", envelope.String())
		}, nil},
		"damaged envelope": {func(dir, epoch string) {
			put(t, dir, epoch+"/0.age", "age-encryption.org/v1\nrubbish")
		}, nil},
	} {
		dir := t.TempDir()
		store := dirstore.New(dir, nil)
		if _, err := backup.Init(t.Context(), store, me.keys(), nil); err != nil {
			t.Fatal(err)
		}
		epochs, err := filepath.Glob(filepath.Join(dir, "keys", "*"))
		if err != nil || len(epochs) != 1 {
			t.Fatal(epochs, err)
		}
		epoch, err := filepath.Rel(dir, epochs[0])
		if err != nil {
			t.Fatal(err)
		}
		test.forge(dir, filepath.ToSlash(epoch))
		err = reads(t, store, me, me.sign)
		if err == nil || test.want != nil && !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), me.identity.String()) {
			t.Errorf("%s: the error has the key", name)
		}
	}
}

// A repository without encryption has no keys to change.
func TestPlain(t *testing.T) {
	me := newPerson(t)
	r, err := backup.Init(t.Context(), dirstore.New(t.TempDir(), nil), me.keys(), &backup.InitOptions{Plain: true})
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]func(context.Context) error{
		"Rekey": r.Rekey, "NewEpoch": r.NewEpoch, "Shred": r.Shred,
	} {
		if err := f(t.Context()); !errors.Is(err, backup.ErrPlain) || stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%s: %v", name, err)
		}
	}
}
