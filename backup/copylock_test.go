package backup_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/dirstore"
	"github.com/millweir/millweir/backup/memstore"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// lockedUntil fails the test unless all data and records of a store are protected until a time, and not
// longer. It deletes them.
func lockedUntil(t *testing.T, store backup.Store, now *time.Time, until time.Time) {
	t.Helper()
	for _, prefix := range []string{"data/", "backups/"} {
		keys := keysOf(t, store, prefix)
		if len(keys) == 0 {
			t.Errorf("there is no %s", prefix)
		}
		for _, key := range keys {
			*now = until.Add(-time.Second)
			if _, err := stream.Run(t.Context(), source.Of(key), store.Delete()); !errors.Is(err, backup.ErrHeld) {
				t.Errorf("before the end of its protection, %s was deleted: %v", key, err)
			}
		}
	}
}

// A copy is protected if that is asked for, and a later one makes the protection longer, never shorter. The
// keys of the copy can still be changed.
func TestCopyRetain(t *testing.T) {
	d := newDeployment(t)
	d.fill(t, "shop", "orders", 0, 900, 250)
	d.fill(t, "shop", "cookies", 0, 9, 10)
	r, _, me := repository(t)
	if _, err := backUp(t.Context(), r, d, small()); err != nil {
		t.Fatal(err)
	}
	view, err := r.View(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	start := now
	to := memstore.New(&memstore.Options{Now: func() time.Time { return now }})
	longest := start
	for _, until := range []time.Time{
		{}, start.Add(2 * time.Hour), start.Add(time.Hour), {}, start.Add(3 * time.Hour),
	} {
		now = start
		report, err := backup.Run(t.Context(), view.Copy(to, &backup.CopyOptions{RetainUntil: until}), 2)
		if err != nil || weakened(report) {
			t.Fatal(report.Weaker, err)
		}
		if until.After(longest) {
			longest = until
		}
		if longest.After(start) {
			lockedUntil(t, to, &now, longest)
		}
	}
	now = start
	next := newPerson(t)
	keys := me.keys()
	keys.Recipients = []age.Recipient{next.identity.Recipient()}
	copied, err := backup.Open(t.Context(), to, keys)
	if err == nil {
		err = copied.Rekey(t.Context())
	}
	if err != nil {
		t.Errorf("the keys of a protected copy cannot be changed: %v", err)
	}
	now = longest.Add(time.Second)
	for _, key := range keysOf(t, to, "data/") {
		if _, err := stream.Run(t.Context(), source.Of(key), to.Delete()); err != nil {
			t.Errorf("after the end of its protection, %s is protected: %v", key, err)
		}
	}
}

// A target that cannot protect objects, and a protection that has ended, are refused before the first object.
func TestCopyRetainRefused(t *testing.T) {
	view := cookiesView(t, nil)
	dir, mem := dirstore.New(t.TempDir(), nil), memstore.New(nil)
	_, err := backup.Run(t.Context(), view.Copy(dir, &backup.CopyOptions{RetainUntil: time.Now().Add(time.Hour)}), 1)
	if !errors.Is(err, backup.ErrNoHold) || !errors.As(err, new(*backup.CopyTargetError)) {
		t.Errorf("a directory: %v", err)
	}
	_, err = backup.Run(t.Context(), view.Copy(mem, &backup.CopyOptions{RetainUntil: time.Now().Add(-time.Hour)}), 1)
	if err == nil || stream.ClassOf(err) != stream.Fatal {
		t.Errorf("a protection that has ended: %v", err)
	}
	if left := append(keysOf(t, dir, ""), keysOf(t, mem, "")...); len(left) > 0 {
		t.Errorf("%q", left)
	}
}

// The report of an unprotected copy of a protected backup warns of that. That of a protected copy does not.
func TestCopyOfProtected(t *testing.T) {
	opts := small()
	opts.RetainUntil = time.Now().Add(time.Hour)
	view := cookiesView(t, opts)
	report, err := backup.Run(t.Context(), view.Copy(dirstore.New(t.TempDir(), nil), nil), 1)
	if err != nil || !weakened(report) {
		t.Errorf("%q, %v", report.Weaker, err)
	}
	same := &backup.CopyOptions{RetainUntil: opts.RetainUntil}
	if report, err = backup.Run(t.Context(), view.Copy(memstore.New(nil), same), 1); err != nil || weakened(report) {
		t.Errorf("%q, %v", report.Weaker, err)
	}
}

// A later backup with a shorter protection does not shorten that of what it names again.
func TestRetainNeverShorter(t *testing.T) {
	d := newDeployment(t)
	d.fill(t, "shop", "orders", 0, 900, 250)
	now := time.Now()
	start := now
	store := memstore.New(&memstore.Options{Now: func() time.Time { return now }})
	r, err := backup.Init(t.Context(), store, newPerson(t).keys(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, retain := range []time.Duration{2 * time.Hour, time.Hour, 0} {
		now = start
		opts := small()
		if retain > 0 {
			opts.RetainUntil = start.Add(retain)
		}
		report, err := backUp(t.Context(), r, d, opts)
		if err != nil || (report.Counts.Stored == 0) != (retain < 2*time.Hour) {
			t.Fatalf("%+v, %v", report.Counts, err)
		}
		now = start.Add(2*time.Hour - time.Second)
		for _, key := range keysOf(t, store, "data/") {
			if _, err := stream.Run(t.Context(), source.Of(key), store.Delete()); !errors.Is(err, backup.ErrHeld) {
				t.Errorf("after a backup that is protected for %v, %s was deleted: %v", retain, key, err)
			}
		}
	}
}

// weakened reports whether a report says that the copy is not protected.
func weakened(report backup.Report) bool {
	return strings.Contains(strings.Join(report.Weaker, " "), "not protected")
}

// A store that says only when it is asked that it protects nothing gets no copy.
func TestCopyRetainUnheld(t *testing.T) {
	view := cookiesView(t, nil)
	to := unheld{memstore.New(nil)}
	_, err := backup.Run(t.Context(), view.Copy(to, &backup.CopyOptions{RetainUntil: time.Now().Add(time.Hour)}), 1)
	if left := keysOf(t, to, ""); !errors.Is(err, backup.ErrNoHold) || len(left) > 0 {
		t.Errorf("%v, and %q are left", err, left)
	}
}

// unheld is a store that cannot protect objects after all, such as a bucket without Object Lock.
type unheld struct{ *memstore.Store }

func (unheld) Hold(context.Context, string, time.Time) error { return backup.ErrNoHold }

// cookiesView returns the view of a new backup of a small collection.
func cookiesView(t *testing.T, opts *backup.Options) *backup.View {
	t.Helper()
	d := newDeployment(t)
	d.fill(t, "shop", "cookies", 0, 9, 10)
	r, _, _ := repository(t)
	if _, err := backUp(t.Context(), r, d, opts); err != nil {
		t.Fatal(err)
	}
	view, err := r.View(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return view
}
