package backup_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/memstore"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// walkFiles calls do for each file, in the order of their names.
func walkFiles(dir fs.FS, do func(key string, content []byte) error) error {
	return fs.WalkDir(dir, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(dir, name)
		if err != nil {
			return err
		}
		return do(name, content)
	})
}

// edited returns a copy of a store with another object at some keys.
func edited(t *testing.T, store backup.Store, edit func(key string, content []byte) []byte) backup.Store {
	t.Helper()
	to := memstore.New(nil)
	for _, key := range keysOf(t, store, "") {
		content, err := stream.Run(t.Context(), store.Get(key, nil), sink.Fold([]byte(nil),
			func(all, p []byte) []byte { return append(all, p...) }))
		if err == nil {
			_, err = stream.Run(t.Context(), source.Of(edit(key, content)), to.Put(key, nil))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// What needs a newer reader is refused by its number, also if its other fields have other types, and by
// every operation. It is never read as empty, and never as damaged.
func TestNewerFormatEverywhere(t *testing.T) {
	old := loadFormat1(t, "plain", time.Now)
	for name, field := range map[string][2]string{
		"same fields":        {`"reader":1`, `"reader":2`},
		"other collections":  {`"reader":1`, `"reader":2,"collections":{"a":1},"encrypted":"no","began":7`},
		"other repositories": {`"reader":1`, `"reader":2,"repository":[1],"id":[1]`},
	} {
		newer := func(want string) backup.Store {
			return edited(t, old, func(key string, content []byte) []byte {
				if !strings.HasPrefix(key, want) || !strings.HasSuffix(key, ".json") {
					return content
				}
				return bytes.Replace(content, []byte(field[0]), []byte(field[1]), 1)
			})
		}
		if _, err := backup.Open(t.Context(), newer("repo"), backup.Keys{}); !errors.Is(err, backup.ErrNewerFormat) {
			t.Errorf("%s: open: %v", name, err)
		}
		store := newer("backups/")
		r, err := backup.Open(t.Context(), store, backup.Keys{})
		if err != nil {
			t.Fatal(err)
		}
		for what, use := range usesOfRepository(t, r, store) {
			if err := use(t.Context()); !errors.Is(err, backup.ErrNewerFormat) || errors.Is(err, backup.ErrDamaged) {
				t.Errorf("%s: %s: %v", name, what, err)
			}
		}
		if now := keysOf(t, store, ""); len(now) != len(keysOf(t, old, "")) {
			t.Errorf("%s: %d objects are left", name, len(now))
		}
	}
}

// A proof of a newer format is refused by its number, too.
func TestNewerProof(t *testing.T) {
	store := edited(t, loadFormat1(t, "encrypted", time.Now), func(key string, content []byte) []byte {
		if !strings.HasPrefix(key, "proofs/") {
			return content
		}
		return bytes.Replace(content, []byte(`"reader":1`), []byte(`"reader":2,"counts":[]`), 1)
	})
	r, err := backup.Open(t.Context(), store, backup.Keys{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = stream.Run(t.Context(), r.Proofs(), sink.Discard[backup.Proof]())
	if !errors.Is(err, backup.ErrNewerFormat) {
		t.Error(err)
	}
}

// usesOfRepository returns what reads or deletes backups.
func usesOfRepository(t *testing.T, r *backup.Repository, store backup.Store) map[string]func(context.Context) error {
	t.Helper()
	d := newFormat1Server(t)
	return map[string]func(context.Context) error{
		"list": func(ctx context.Context) error {
			_, err := stream.Run(ctx, r.List(), sink.Discard[backup.Manifest]())
			return err
		},
		"view": func(ctx context.Context) error { _, err := r.View(ctx, ""); return err },
		"prune": func(ctx context.Context) error {
			_, err := r.Prune(ctx, backup.Retention{Last: 1}, &backup.PruneOptions{Unverified: true})
			return err
		},
		"sweep": func(ctx context.Context) error {
			_, err := backup.WithClock(r, func() time.Time { return time.Now().AddDate(1, 0, 0) }).Sweep(ctx, nil)
			return err
		},
		"backup": func(ctx context.Context) error { _, err := backUp(ctx, r, d, small()); return err },
	}
}
