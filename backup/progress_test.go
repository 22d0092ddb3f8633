package backup_test

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/memstore"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/stream"
)

// recorded checks the events of one job while they come.
type recorded struct {
	t    *testing.T
	job  string
	all  []backup.Event
	in   bool // an event is being taken
	kind map[backup.EventKind]int
}

func record(t *testing.T, job string) *recorded {
	return &recorded{t: t, job: job, kind: map[backup.EventKind]int{}}
}

func (r *recorded) take(e backup.Event) {
	if r.in {
		r.t.Error("two events at once")
	}
	r.in = true
	defer func() { r.in = false }()
	ofAll := e.Kind == backup.ObjectsDeleted || e.Kind == backup.Finished && (e.Job == "prune" || e.Job == "sweep")
	if e.Job != r.job || (e.Run == "") != ofAll || e.Phase == "" {
		r.t.Errorf("%s: %+v", r.job, e)
	}
	if len(r.all) > 0 {
		last := r.all[len(r.all)-1]
		if a, b := last.Counts, e.Counts; a.Documents > b.Documents || a.Bytes > b.Bytes || a.Segments > b.Segments ||
			last.Share > e.Share || last.Units > e.Units || last.Compared > e.Compared {
			r.t.Errorf("%s: %+v after %+v", r.job, e, last)
		}
		if last.Kind == backup.Finished {
			r.t.Errorf("%s: %+v after the last event", r.job, e)
		}
	}
	if (e.Share == 1) != (e.Kind == backup.Finished) {
		r.t.Errorf("%s: %+v", r.job, e)
	}
	r.all = append(r.all, e)
	r.kind[e.Kind]++
}

// ended checks the last event.
func (r *recorded) ended(documents, bytes int64, kinds ...backup.EventKind) {
	r.t.Helper()
	if len(r.all) == 0 {
		r.t.Fatalf("%s: no event", r.job)
	}
	last := r.all[len(r.all)-1]
	if last.Kind != backup.Finished || last.Counts.Documents != documents || last.Counts.Bytes != bytes ||
		last.Units != last.Total.Units || last.Total.Units == 0 {
		r.t.Errorf("%s: %d documents of %d bytes: the last event is %+v", r.job, documents, bytes, last)
	}
	for _, kind := range kinds {
		if r.kind[kind] == 0 {
			r.t.Errorf("%s: no event %q: %v", r.job, kind, r.kind)
		}
	}
}

// All jobs report the same events, one at a time. Their last one has the counts of the report.
func TestProgressOfJobs(t *testing.T) {
	d := newDeployment(t)
	d.fill(t, "shop", "orders", 0, 2000, 400)
	d.fill(t, "shop", "cookies", 0, 20, 10)
	r, _, _ := repository(t)
	made := record(t, "backup")
	opts := small()
	opts.Progress = made.take
	report, err := backUp(t.Context(), r, d, opts)
	if err != nil {
		t.Fatal(err)
	}
	n, bytes := report.Counts.Documents, report.Counts.Bytes
	made.ended(n, bytes, backup.UnitBegun, backup.SegmentStored, backup.UnitDone)
	v, err := r.View(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		job     string
		of      func(progress func(backup.Event)) backup.Job
		kinds   []backup.EventKind
		compare bool
	}{
		"present": {job: "verify", of: func(p func(backup.Event)) backup.Job {
			return v.Verify(backup.Present, &backup.VerifyOptions{Progress: p})
		}, kinds: []backup.EventKind{backup.SegmentProven}},
		"read": {job: "verify", of: func(p func(backup.Event)) backup.Job {
			return v.Verify(backup.Read, &backup.VerifyOptions{Progress: p})
		}, kinds: []backup.EventKind{backup.SegmentProven}},
		"drill": {job: "verify", of: func(p func(backup.Event)) backup.Job {
			return v.Drill(d.client, &backup.DrillOptions{VerifyOptions: backup.VerifyOptions{Progress: p}})
		}, kinds: []backup.EventKind{backup.DocumentsInserted}, compare: true},
		"restore": {job: "restore", of: func(p func(backup.Event)) backup.Job {
			return v.Restore(d.client, &backup.RestoreOptions{
				Progress: p, Renames: []backup.RenameRule{{From: "shop", To: "back"}},
			})
		}, kinds: []backup.EventKind{backup.DocumentsInserted}, compare: true},
		"copy": {job: "copy", of: func(p func(backup.Event)) backup.Job {
			return v.Copy(memstore.New(nil), &backup.CopyOptions{Progress: p})
		}, kinds: []backup.EventKind{backup.SegmentStored, backup.SegmentProven}},
	} {
		t.Run(name, func(t *testing.T) {
			events := record(t, c.job)
			report, err := backup.Run(t.Context(), c.of(events.take), 3)
			if err != nil || report.Counts.Documents != n {
				t.Fatal(report, err)
			}
			if stage, share := report.HeldBack.By(); stage == "" || share > 1 {
				t.Errorf("%+v", report.HeldBack)
			}
			events.ended(n, bytes, append(c.kinds, backup.UnitBegun, backup.UnitDone, backup.PhaseBegun)...)
			last := events.all[len(events.all)-1]
			if c.compare && last.Compared != bytes {
				t.Errorf("%d of %d bytes were read back", last.Compared, bytes)
			}
			if last.Total.Documents != n || last.Total.Bytes != bytes {
				t.Errorf("%+v", last.Total)
			}
		})
	}
}

// A restore counts what the server has acknowledged: nothing before the first reply.
func TestRestoreProgressIsAcknowledged(t *testing.T) {
	d := newDeployment(t)
	d.fill(t, "shop", "orders", 0, 2000, 400)
	r, _, _ := repository(t)
	if _, err := backUp(t.Context(), r, d, small()); err != nil {
		t.Fatal(err)
	}
	v, err := r.View(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	d.Inject(mongotest.Fault{Command: "insert", Code: 11600, Nth: 1}) // is sent again
	opts := &backup.RestoreOptions{Renames: []backup.RenameRule{{From: "shop", To: "back"}}}
	opts.Insert.BatchDocuments = 100
	opts.Progress = func(e backup.Event) {
		names, err := d.client.Database("back").ListCollectionNames(t.Context(), bson.D{})
		if err != nil {
			t.Error(err)
		}
		stored := int64(0)
		for _, name := range names {
			stored += int64(len(d.Documents("back", name)))
		}
		if e.Counts.Documents > stored {
			t.Errorf("%d documents, and the server has %d: %+v", e.Counts.Documents, stored, e)
		}
	}
	if _, err := backup.Run(t.Context(), v.Restore(d.client, opts), 1); err != nil {
		t.Fatal(err)
	}
}

// A damaged segment is not counted, and the job does not report that it has finished.
func TestProgressOfDamage(t *testing.T) {
	d := newDeployment(t)
	d.fill(t, "shop", "orders", 0, 2000, 400)
	r, store, _ := repository(t)
	report, err := backUp(t.Context(), r, d, small())
	if err != nil {
		t.Fatal(err)
	}
	first := stream.Via2(store.List("data/"+report.Run), stream.Take[backup.Object](1),
		stream.Map(func(o backup.Object) string { return o.Key }))
	if _, err := stream.Run(t.Context(), first, store.Delete()); err != nil {
		t.Fatal(err)
	}
	v, err := r.View(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	events := record(t, "verify")
	_, err = backup.Run(t.Context(), v.Verify(backup.Read, &backup.VerifyOptions{Progress: events.take}), 1)
	last := events.all[len(events.all)-1]
	if err == nil || events.kind[backup.Finished] > 0 || last.Counts.Segments != report.Counts.Segments-1 ||
		last.Counts.Documents >= report.Counts.Documents {
		t.Errorf("%+v of %+v, %v", last.Counts, report.Counts, err)
	}
}
