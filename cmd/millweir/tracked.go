package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/internal/cli"
)

// tracked is a job whose progress is shown. It implements [cli.Progress].
type tracked struct {
	backup.Job
	verb string // what is done to documents: "stored", "verified"

	prepared  atomic.Bool // the units are known: the job refuses nothing
	finishing atomic.Bool

	mu     sync.Mutex
	units  int // all of them
	done   int
	counts backup.Counts
	events bool // the counts come from the events of a backup
}

// Units implements [backup.Job].
func (t *tracked) Units(ctx context.Context) ([]backup.Unit, error) {
	all, err := t.Job.Units(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.units = len(all)
	t.prepared.Store(err == nil)
	return all, err
}

// Do implements [backup.Job].
func (t *tracked) Do(ctx context.Context, u backup.Unit) (backup.Receipt, error) {
	r, err := t.Job.Do(ctx, u)
	if err != nil {
		return r, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done++
	if !t.events {
		c := &t.counts
		c.Documents += r.Counts.Documents
		c.Bytes += r.Counts.Bytes
		c.Stored += r.Counts.Stored
		c.Fetched += r.Counts.Fetched
	}
	return r, nil
}

// Finish implements [backup.Job].
func (t *tracked) Finish(ctx context.Context, receipts []backup.Receipt) (backup.Report, error) {
	t.finishing.Store(true)
	return t.Job.Finish(ctx, receipts)
}

// event notes an event of a backup: its counts are of what the store has acknowledged.
func (t *tracked) event(e backup.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.events = true
	t.counts = e.Counts
}

func (t *tracked) read() (counts backup.Counts, done, units int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.counts, t.done, t.units
}

// Line implements [cli.Progress].
func (t *tracked) Line(elapsed time.Duration) string {
	c, done, units := t.read()
	rate := int64(float64(c.Bytes) / max(elapsed.Seconds(), 0.001))
	line := fmt.Sprintf("%s (%s) %s, %s/s, %d of %d units, %s", cli.Documents(c.Documents), cli.Bytes(c.Bytes), t.verb,
		cli.Bytes(rate), done, units, elapsed.Truncate(time.Second))
	if share, known := t.Share(); known && share > 0 {
		left := time.Duration(float64(elapsed) * (1 - share) / share)
		line = fmt.Sprintf("%2.0f %%, %s, about %s left", 100*share, line, left.Truncate(time.Second))
	}
	return line
}

// Attrs implements [cli.Progress].
func (t *tracked) Attrs(elapsed time.Duration) []any {
	c, done, units := t.read()
	return []any{
		"documents", c.Documents, "bytes", c.Bytes, "stored_bytes", c.Stored, "reused_bytes", c.Reused,
		"fetched_bytes", c.Fetched, "units_done", done, "units", units, "elapsed", cli.Seconds(elapsed),
	}
}

// Share implements [cli.Progress]. It counts units, which differ in size.
func (t *tracked) Share() (share float64, known bool) {
	_, done, units := t.read()
	if units == 0 {
		return 0, false
	}
	const almost = 0.99 // the last step is not a unit
	return min(float64(done)/float64(units), almost), true
}

// LastRetry implements [cli.Progress].
func (t *tracked) LastRetry() error { return nil }

// runJob runs a job and shows its progress.
func (a *app) runJob(ctx context.Context, t *tracked, parallel int) (backup.Report, error) {
	stop := a.program.Watch(t)
	report, err := cli.Protect(func() (backup.Report, error) { return backup.Run(ctx, t, parallel) })
	stop()
	return report, err
}

// finished reports what a job did.
func (a *app) finished(words *cli.Text, report *backup.Report) error {
	for _, weaker := range report.Weaker {
		a.program.Warn(cli.Textf("%s", cli.Foreign(weaker)), "weaker", "what", cli.Foreign(weaker))
	}
	if a.program.JSON {
		return a.result(report, "")
	}
	a.program.Done(words, "done")
	return nil
}
