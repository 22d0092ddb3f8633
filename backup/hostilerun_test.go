package backup

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/mongofixture"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/stream"
)

// doneRun returns a repository with a run all of whose units are done, and its job.
func doneRun(t *testing.T) (*memStore, *Repository, *backupJob) {
	t.Helper()
	srv := mongotest.NewServer()
	client := mongofixture.Connect(t, srv)
	for _, name := range []string{"a", "b"} {
		var docs []bson.Raw
		for i := range 300 {
			docs = append(docs,
				document(t, bson.D{{Key: "_id", Value: i}, {Key: "text", Value: fmt.Sprintf("%0500d", i)}}))
		}
		srv.Add("shop", name, docs...)
	}
	r, store := makeRepository(t)
	job, err := r.Backup(t.Context(), client, &Options{SegmentBytes: minSegmentBytes})
	if err != nil {
		t.Fatal(err)
	}
	units, err := job.Units(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range units {
		if _, err := job.Do(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	return store, r, job.(*backupJob)
}

// A receipt, a plan or an object that is not what was stored there is refused, by the units and by
// Finish, and no backup is made.
func TestHostileRun(t *testing.T) {
	for name, damage := range map[string]struct {
		change func(t *testing.T, s *memStore, run string)
		want   error
	}{
		"receipt flipped": {func(t *testing.T, s *memStore, run string) {
			key := s.keys(receiptPrefix(run, 0))[1]
			s.objects[key] = bytes.Clone(s.objects[key])
			s.objects[key][len(s.objects[key])-3] ^= 1
		}, nil},
		"receipt cut": {func(t *testing.T, s *memStore, run string) {
			key := s.keys(receiptPrefix(run, 0))[1]
			s.objects[key] = s.objects[key][:len(s.objects[key])/2]
		}, nil},
		"receipt of another unit": {func(t *testing.T, s *memStore, run string) {
			s.objects[s.keys(receiptPrefix(run, 0))[1]] = s.objects[s.keys(receiptPrefix(run, 1))[1]]
		}, ErrDamaged},
		"receipt of another number": {func(t *testing.T, s *memStore, run string) {
			s.objects[s.keys(receiptPrefix(run, 0))[1]] = s.objects[s.keys(receiptPrefix(run, 0))[0]]
		}, ErrDamaged},
		"receipt of another run": {func(t *testing.T, s *memStore, run string) {
			other, _, job := doneRun(t)
			s.objects[s.keys(receiptPrefix(run, 0))[1]] = other.objects[other.keys(receiptPrefix(job.run, 0))[1]]
		}, nil}, // other keys cannot read it
		"receipt with a bad name": {func(t *testing.T, s *memStore, run string) {
			s.objects[receiptPrefix(run, 0)+"x-1.jsonl.gz.age"] = s.objects[s.keys(receiptPrefix(run, 0))[1]]
		}, ErrDamaged},
		"receipt gone": {func(t *testing.T, s *memStore, run string) {
			delete(s.objects, s.keys(receiptPrefix(run, 0))[1])
		}, ErrIncomplete},
		"all receipts gone": {func(t *testing.T, s *memStore, run string) {
			for _, key := range s.keys(receiptPrefix(run, 1)) {
				delete(s.objects, key)
			}
		}, ErrIncomplete},
		"object gone": {func(t *testing.T, s *memStore, run string) {
			delete(s.objects, s.keys(unitDataPrefix(run, 0))[1])
		}, ErrDamaged},
		"object cut": {func(t *testing.T, s *memStore, run string) {
			key := s.keys(unitDataPrefix(run, 0))[1]
			s.objects[key] = s.objects[key][:len(s.objects[key])-1]
		}, ErrDamaged},
		"plan gone": {func(t *testing.T, s *memStore, run string) {
			delete(s.objects, s.keys(jobsPrefix + run + "/plan")[0])
		}, ErrNoRun},
		"plan is a receipt": {func(t *testing.T, s *memStore, run string) {
			s.objects[s.keys(jobsPrefix + run + "/plan")[0]] = s.objects[s.keys(receiptPrefix(run, 0))[0]]
		}, ErrDamaged},
		"run deleted": {func(t *testing.T, s *memStore, run string) {
			s.objects[tombstonesPrefix+run] = []byte("x")
		}, ErrDeleted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, r, job := doneRun(t)
			damage.change(t, store, job.run)
			again := &backupJob{repo: r, client: job.client, run: job.run, progress: job.progress}
			_, err := again.Finish(t.Context(), nil)
			switch {
			case err == nil:
				t.Error("it was finished")
			case damage.want != nil && !errors.Is(err, damage.want):
				t.Error(err)
			case damage.want == nil && stream.ClassOf(err) != stream.Data && stream.ClassOf(err) != stream.Fatal:
				t.Errorf("the class %v: %v", stream.ClassOf(err), err)
			}
			if keys := store.keys(backupsPrefix); len(keys) > 0 && keys[len(keys)-1] == manifestKey(job.run) {
				t.Error("there is a backup")
			}
		})
	}
}

// A run that is too old is not continued.
func TestTooOld(t *testing.T) {
	store, r, job := doneRun(t)
	p, err := job.plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for age, want := range map[time.Duration]error{maxAge - time.Hour: ErrIncomplete, maxAge + time.Hour: ErrTooOld} {
		old := &backupJob{repo: r, client: job.client, run: newName(time.Now().Add(-age)), progress: job.progress}
		recipients, err := old.recordRecipients(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.putPlan(t.Context(), old.run, p, recipients); err != nil {
			t.Fatal(err)
		}
		if _, err := old.Finish(t.Context(), nil); !errors.Is(err, want) {
			t.Errorf("%v old: %v", age, err)
		}
		_, err = old.Do(t.Context(), Unit{Job: old.name()})
		if (want == ErrTooOld) != errors.Is(err, ErrTooOld) {
			t.Errorf("%v old: %v", age, err)
		}
	}
	if n := len(store.keys(backupsPrefix)); n > 0 {
		t.Errorf("%d objects", n)
	}
}

// A unit of another job is refused.
func TestForeignUnit(t *testing.T) {
	_, _, job := doneRun(t)
	for _, u := range []Unit{
		{},
		{Job: job.name(), Number: -1},
		{Job: job.name(), Number: 2},
		{Job: "verify " + job.run},
	} {
		if _, err := job.Do(t.Context(), u); stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%+v: %v", u, err)
		}
	}
}

// A finish that found another chain does not change what one has made, and makes no manifest with
// the signature of another.
func TestOtherManifest(t *testing.T) {
	store, r, job := doneRun(t)
	p, err := job.plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m := &Manifest{
		Kind: manifestKind, Format: format, Reader: format, Repository: r.id, Run: job.run, Epoch: p.Epoch,
	}
	if err := r.putSignature(t.Context(), manifestKey(job.run), []byte("another"),
		manifestComment(job.run)); err != nil {
		t.Fatal(err)
	}
	if err := r.putManifest(t.Context(), m); !errors.Is(err, errOtherManifest) {
		t.Error(err)
	}
	if _, err := job.Finish(t.Context(), nil); !errors.Is(err, errOtherManifest) {
		t.Error(err)
	}
	if store.objects[manifestKey(job.run)] != nil {
		t.Error("there is a manifest")
	}
}
