package backup

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/mongofixture"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/stream"
)

// victim is a small repository that tests damage, and a server into which nothing may get.
type victim struct {
	keys     Keys
	store    *memStore
	run      string
	old, now []string // the keys of the objects of an older backup, and of the backup
	srv      *mongotest.Server
	client   *mongo.Client

	sampled bool // try only some restores
	trials  int
}

func newVictim(t *testing.T) *victim {
	t.Helper()
	r, store := makeRepository(t)
	began := time.Now()
	run := func(began time.Time, sizes ...int) (string, []string) {
		before := store.keys("")
		run := makeBackup(t, r, began, plainCollection(t, "shop", "orders", sizes...),
			plainCollection(t, "shop", "cookies", 2))
		return run, slices.DeleteFunc(store.keys(""), func(key string) bool { return slices.Contains(before, key) })
	}
	_, old := run(began.Add(-time.Hour), 3, 2)
	newest, now := run(began, 3, 3)
	v := &victim{keys: r.keys, store: store, run: newest, old: old, now: now, srv: mongotest.NewServer()}
	v.client = mongofixture.Connect(t, v.srv)
	return v
}

// needed returns the keys of the objects that a restore of the backup reads.
func (v *victim) needed() []string {
	return slices.DeleteFunc(v.store.keys(""), func(key string) bool { return slices.Contains(v.old, key) })
}

// tries are the jobs that must refuse a damaged backup.
var tries = map[string]func(v *victim, view *View) Job{
	"read":    func(_ *victim, view *View) Job { return view.Verify(Read, &VerifyOptions{NoProof: true}) },
	"restore": func(v *victim, view *View) Job { return view.Restore(v.client, nil) },
}

// attempt tries to use the backup in a store.
func (v *victim) attempt(ctx context.Context, store Store, try string) error {
	r, err := Open(ctx, store, v.keys)
	if err != nil {
		return err
	}
	view, err := r.View(ctx, v.run)
	if err != nil {
		return err
	}
	job := tries[try](v, view)
	_, err = Run(ctx, job, 1)
	if job, ok := job.(Abandoner); ok && err != nil { // otherwise the next restore would use what this one prepared
		return errors.Join(err, job.Abandon(ctx))
	}
	return err
}

// refuses checks that a changed store is refused by every try, and that nothing got into the server.
func (v *victim) refuses(t *testing.T, what string, change func(s *memStore)) {
	t.Helper()
	store := v.store.clone()
	change(store)
	v.trials++
	for try := range tries {
		if try == "restore" && v.sampled && v.trials%16 != 0 {
			continue
		}
		err := v.attempt(t.Context(), store, try)
		if try == "restore" && err == nil && store.sameForRestore(v.store) {
			if err := v.client.Database("shop").Drop(t.Context()); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err == nil {
			t.Errorf("%s: %s succeeded", what, try)
		} else if class := stream.ClassOf(err); class != stream.Data && class != stream.Fatal {
			t.Errorf("%s: %s: %v of the class %s", what, try, err, class)
		}
	}
	v.nothingVisible(t, what)
}

func (v *victim) nothingVisible(t *testing.T, what string) {
	t.Helper()
	for _, name := range []string{"orders", "cookies"} {
		if len(v.srv.Documents("shop", name)) > 0 {
			t.Fatalf("%s: %s was published", what, name)
		}
	}
}

// means reports whether the byte i of an object means something. The first line of a signature is a
// comment that is not signed, and the last digit of base64 has bits that no decoder reads. The list of
// objects is not encrypted, so gzip's own header is not protected. Its rows are.
func means(key string, body []byte, i int) bool {
	if strings.Contains(key, "/objects-") {
		return false
	}
	if !strings.HasSuffix(key, signatureSuffix) {
		return true
	}
	return i > bytes.IndexByte(body, '\n') && (i+1 == len(body) || body[i+1] != '=')
}
