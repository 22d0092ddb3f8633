package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/cmd/millweir/internal/cli"
	"github.com/millweir/millweir/stream"
)

// tracked is a job whose events are shown. It implements [cli.Progress]. A sweep is not a
// job, but has the same events.
type tracked struct {
	backup.Job
	verb string // what is done to documents: "stored", "verified"

	prepared  atomic.Bool // the units are known: the job refuses nothing
	finishing atomic.Bool

	retries *retries // of the store, or nil
	words   func(error) string

	mu   sync.Mutex
	last backup.Event

	stall cli.Stall
}

// Units implements [backup.Job].
func (t *tracked) Units(ctx context.Context) ([]backup.Unit, error) {
	all, err := t.Job.Units(ctx)
	t.prepared.Store(err == nil)
	return all, err
}

// Finish implements [backup.Job].
func (t *tracked) Finish(ctx context.Context, receipts []backup.Receipt) (backup.Report, error) {
	t.finishing.Store(true)
	return t.Job.Finish(ctx, receipts)
}

// event takes an event of the job. Its counts are what was acknowledged or proven.
func (t *tracked) event(e backup.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = e
}

func (t *tracked) read() backup.Event {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

// phaseWords describe the phases that the counts do not show.
var phaseWords = map[backup.Phase]string{
	backup.Indexing: "building indexes", backup.Comparing: "reading back", backup.Finishing: "finishing",
	backup.Examining: "reading the lists of backups",
}

// Line implements [cli.Progress].
func (t *tracked) Line(elapsed time.Duration) string {
	e := t.read()
	c := &e.Counts
	if e.Job == "sweep" {
		return fmt.Sprintf("%s backups examined, %s objects deleted, %s", cli.Count(int64(e.Units)),
			cli.Count(c.Objects), elapsed.Truncate(time.Second))
	}
	rate := int64(float64(c.Bytes) / max(elapsed.Seconds(), 0.001))
	line := fmt.Sprintf("%s (%s) %s, %s/s, %d of %d units", cli.Documents(c.Documents), cli.Bytes(c.Bytes), t.verb,
		cli.Bytes(rate), e.Units, e.Total.Units)
	if words := phaseWords[e.Phase]; words != "" {
		line += ", " + words
	}
	if stalled := t.stalled(elapsed); stalled > 0 {
		line += ", nothing has moved for " + stalled.Truncate(time.Second).String()
	}
	if t.retries != nil {
		line += t.retries.line(t.words)
	}
	line += ", " + elapsed.Truncate(time.Second).String()
	if share := e.Share; share > 0 {
		left := time.Duration(float64(elapsed) * (1 - share) / share)
		line = fmt.Sprintf("%2.0f %%, %s, about %s left", 100*share, line, left.Truncate(time.Second))
	}
	return line
}

// stalled returns the time since the last change of a count, or 0 if it is short.
func (t *tracked) stalled(elapsed time.Duration) time.Duration {
	e := t.read()
	return t.stall.Since(struct {
		backup.Counts
		compared int64
		units    int
	}{e.Counts, e.Compared, e.Units}, elapsed)
}

// Attrs implements [cli.Progress]: the newest event, as a program reads it.
func (t *tracked) Attrs(elapsed time.Duration) []any {
	all := []any{"event", t.read(), "stalled", cli.Seconds(t.stalled(elapsed)), "elapsed", cli.Seconds(elapsed)}
	if t.retries != nil {
		all = append(all, t.retries.attrs()...)
	}
	return all
}

// Share implements [cli.Progress].
func (t *tracked) Share() (share float64, known bool) {
	e := t.read()
	return e.Share, e.Share > 0 || e.Total.Units > 0
}

// unitMemory is the part of the memory budget for each unit that is done at once. leastMemory is
// enough for the largest run of any job, such as a merge, even if few units are done at once.
const (
	unitMemory  = 10 << 20
	leastMemory = 32 << 20
)

// runJob runs a job and shows its progress.
func (a *app) runJob(ctx context.Context, t *tracked, parallel int) (backup.Report, error) {
	ctx = stream.WithBudget(ctx, stream.NewBudget(max(int64(parallel)*unitMemory, leastMemory)))
	t.retries, t.words = &a.retries, a.program.Words
	stop := a.program.Watch(t)
	report, err := cli.Protect(func() (backup.Report, error) { return backup.Run(ctx, t, parallel) })
	stop()
	return report, err
}

// finished reports what a job did.
func (a *app) finished(words *cli.Text, report *backup.Report) error {
	a.warnWeaker(report.Weaker)
	if a.program.JSON {
		return a.result(report, "")
	}
	a.program.Done(words, "done")
	if stage, _ := report.HeldBack.By(); stage != "" {
		a.program.Done(cli.Textf("held back by: %s", report.HeldBack.String()), "held back")
	}
	return nil
}

// warnWeaker warns of properties that are weaker than they should be.
func (a *app) warnWeaker(all []string) {
	for _, weaker := range all {
		a.program.Warn(cli.Textf("%s", cli.Foreign(weaker)), "weaker", "what", cli.Foreign(weaker))
	}
}
