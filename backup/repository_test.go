package backup_test

import (
	"context"
	"errors"
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

// person is someone with keys.
type person struct {
	identity *age.X25519Identity
	sign     *signing.Key
}

func newPerson(t *testing.T) person {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	sign, err := signing.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return person{identity, sign}
}

// keys are all keys of the person.
func (p person) keys() backup.Keys {
	return backup.Keys{
		Recipients: []age.Recipient{p.identity.Recipient()},
		Identities: []age.Identity{p.identity},
		Sign:       p.sign,
	}
}

// An Init that is killed at any step leaves no repository, or a whole one, and can be repeated.
func TestInitKilled(t *testing.T) {
	me := newPerson(t)
	finished := false
	for n := 1; !finished; n++ {
		for _, applied := range []bool{false, true} {
			store := dirstore.New(t.TempDir(), nil)
			_, err := backup.Init(t.Context(), killAt(store, n, applied), me.keys(), nil)
			finished = err == nil
			if err != nil && !errors.Is(err, errKilled) {
				t.Fatal(err)
			}
			if _, err := backup.Init(t.Context(), store, me.keys(), nil); err != nil &&
				!errors.Is(err, backup.ErrNotEmpty) {
				t.Errorf("killed at change %d, repeated: %v", n, err)
			}
			if err := reads(t, store, me, me.sign); err != nil {
				t.Errorf("killed at change %d, repeated: %v", n, err)
			}
		}
	}
}

// An operation on a repository with an unfinished Init fails with ErrUnfinished.
func TestUnfinished(t *testing.T) {
	me := newPerson(t)
	store := dirstore.New(t.TempDir(), nil)
	if _, err := backup.Init(t.Context(), killAt(store, 4, false), me.keys(), nil); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	r, err := backup.Open(t.Context(), store, me.keys())
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]func(context.Context) error{
		"Rekey": r.Rekey, "NewEpoch": r.NewEpoch, "Shred": r.Shred,
	} {
		if err := f(t.Context()); !errors.Is(err, backup.ErrUnfinished) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Only an empty store becomes a repository.
func TestInitRefuses(t *testing.T) {
	me := newPerson(t)
	dir := t.TempDir()
	store := dirstore.New(dir, nil)
	want := func(want error, keys backup.Keys, opts *backup.InitOptions) {
		t.Helper()
		_, err := backup.Init(t.Context(), store, keys, opts)
		if !errors.Is(err, want) || stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%v of the class %v, want %v", err, stream.ClassOf(err), want)
		}
	}
	want(backup.ErrNoRecipients, backup.Keys{}, nil)
	put(t, dir, "other", "x")
	want(backup.ErrNotEmpty, me.keys(), nil)
	want(backup.ErrNotEmpty, me.keys(), &backup.InitOptions{Plain: true})
	if err := os.Remove(filepath.Join(dir, "other")); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Init(t.Context(), store, backup.Keys{}, &backup.InitOptions{Plain: true}); err != nil {
		t.Error(err)
	}
	want(backup.ErrNotEmpty, me.keys(), nil)
}

// Open says what is wrong with a repository.
func TestOpenRefuses(t *testing.T) {
	me, other := newPerson(t), newPerson(t)
	const good = `{"millweir":"repository","format":1,"reader":1,"id":"000102030405060708090a0b0c0d0e0f","encrypted":true}`
	unsigned := backup.Keys{}
	for name, test := range map[string]struct {
		content string
		keys    backup.Keys
		want    error
	}{
		"good":         {good + "\n", unsigned, nil},
		"new field":    {strings.Replace(good, "{", `{"later":[1],`, 1), unsigned, nil},
		"newer":        {strings.Replace(good, `"format":1`, `"format":7`, 1), unsigned, nil},
		"newer reader": {strings.Replace(good, `"reader":1`, `"reader":2`, 1), unsigned, backup.ErrNewerFormat},
		"unsigned":     {good, me.keys(), backup.ErrUnsigned},
		"empty":        {"", unsigned, backup.ErrNoRepository},
		"cut":          {good[:len(good)-1], unsigned, backup.ErrNoRepository},
		"twice":        {good + good, unsigned, backup.ErrNoRepository},
		"foreign":      {`{"id":"000102030405060708090a0b0c0d0e0f"}`, unsigned, backup.ErrNoRepository},
		"bad id":       {strings.Replace(good, "0001", "../1", 1), unsigned, backup.ErrNoRepository},
		"upper case":   {strings.Replace(good, "0a0b", "0A0B", 1), unsigned, backup.ErrNoRepository},
	} {
		dir := t.TempDir()
		put(t, dir, "repo.json", test.content)
		if _, err := backup.Open(t.Context(), dirstore.New(dir, nil), test.keys); !errors.Is(err, test.want) ||
			err != nil && stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%s: %v of the class %v, want %v", name, err, stream.ClassOf(err), test.want)
		}
	}
	store := dirstore.New(t.TempDir(), nil)
	if _, err := backup.Open(t.Context(), store, me.keys()); !errors.Is(err, backup.ErrNoRepository) {
		t.Error(err)
	}
	if _, err := backup.Init(t.Context(), store, me.keys(), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Open(t.Context(), store, other.keys()); !errors.Is(err, signing.ErrSignature) {
		t.Errorf("a repository that another key signed: %v", err)
	}
	trust := backup.Keys{Trust: []signing.PublicKey{other.sign.Public(), me.sign.Public()}}
	if _, err := backup.Open(t.Context(), store, trust); err != nil {
		t.Error(err)
	}
}

// put writes a file of a directory.
func put(t *testing.T, dir, name, content string) {
	t.Helper()
	name = filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
