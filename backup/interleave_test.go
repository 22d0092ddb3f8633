package backup_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/storetest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

var (
	interleavings = flag.Int("interleavings", 0,
		"the number of random interleavings; 0 means some, and 1,000 with -long")
	interleaving = flag.Uint64("interleaving", 0, "the seed of the only random interleaving to run")
)

// Two writers, two pruners, sweepers, copies, a rekeying and a reader use two stores at the same time, each
// with a clock of its own, in a random order of their operations, and some of them are killed. No invariant
// of docs/backup.md is broken. The long run, and one seed again, are
//
//	MILLWEIR_LONG=1 go test ./backup -run TestInterleavings -timeout 1h
//	go test ./backup -run TestInterleavings -interleaving SEED
func TestInterleavings(t *testing.T) {
	n := *interleavings
	switch {
	case n > 0:
	case *long:
		n = 1000
	default:
		n = 4
	}
	b := newBase(t)
	first := uint64(1)
	if *interleaving > 0 {
		first, n = *interleaving, 1
	}
	for seed := first; seed < first+uint64(n); seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			cryptotest.SetGlobalRandom(t, seed)
			synctest.Test(t, func(t *testing.T) { interleave(t, b, seed) })
		})
	}
}

func interleave(t *testing.T, b *base, seed uint64) {
	w := &world{
		T: t, base: b, turns: storetest.NewTurns(seed), random: rand.New(rand.NewPCG(seed, 1)),
	}
	b.begin(t, w, seed%2 == 0)
	defer w.source.Close()
	w.start("writer 1", write)
	w.start("writer 2", write)
	w.start("pruner 1", prune)
	w.start("pruner 2", prune)
	w.start("sweeper", func(ctx context.Context, p *process) error { return sweep(ctx, p, w.main) })
	w.start("copier", copyBackups)
	w.start("sweeper of the copy", func(ctx context.Context, p *process) error { return sweep(ctx, p, w.other) })
	w.start("rekeyer", rekey)
	w.start("reader", read)
	w.turns.Run()
	w.check(t.Context())
	w.report(seed, 400)
}

// write makes a backup, in two processes with a pause between them.
func write(ctx context.Context, p *process) error {
	r, err := p.open(ctx, p.main, p.base.writer)
	if err != nil {
		return err
	}
	opts := small()
	if p.main.dir == "" && p.random.IntN(3) == 0 {
		opts.RetainUntil = time.Now().Add(20 * day).Truncate(time.Second)
	}
	begin := func(d deployment) (backup.Job, error) { return r.Backup(ctx, d.client, opts) }
	run, err := p.part(ctx, begin, p.random.IntN(4))
	if err != nil {
		return allowed(err, backup.ErrDeleted)
	}
	time.Sleep(one(p.random, 0, 0, time.Hour, day, 5*day-time.Minute, 5*day-time.Second, 5*day+time.Hour, 8*day))
	resume := func(d deployment) (backup.Job, error) { return r.Resume(ctx, d.client, run, nil) }
	if _, err = p.part(ctx, resume, -1); err != nil {
		return allowed(err, backup.ErrDeleted, backup.ErrTooOld, backup.ErrNoRun)
	}
	p.done[run] = p.main
	return nil
}

// part does some units of a job, or all of them and Finish if n is negative. It returns the run.
func (p *process) part(ctx context.Context, begin func(deployment) (backup.Job, error), n int) (string, error) {
	client, closes := connect(p.T, p.source.Server)
	defer closes()
	job, err := begin(deployment{p.source.Server, client})
	if err != nil {
		return "", err
	}
	if n < 0 {
		report, err := backup.Run(ctx, job, 1)
		return report.Run, err
	}
	units, err := job.Units(ctx)
	if err != nil {
		return "", err
	}
	for _, u := range units[:min(n, len(units))] {
		if _, err := job.Do(ctx, u); err != nil {
			return "", err
		}
	}
	_, run, _ := cutName(units[0].Job)
	return run, nil
}

// prune verifies the newest backup and prunes, some times.
func prune(ctx context.Context, p *process) error {
	r, err := p.open(ctx, p.main, p.base.reader)
	if err != nil {
		return err
	}
	for range 1 + p.random.IntN(2) {
		if p.random.IntN(4) > 0 {
			if err := verifyNewest(ctx, p, r, p.main); err != nil {
				return err
			}
		}
		_, err = r.Prune(ctx, backup.Retention{Last: 1 + p.random.IntN(2)}, nil)
		if err := allowed(err, backup.ErrUnverified, backup.ErrHeld, backup.ErrNoBackup); err != nil {
			return err
		}
		time.Sleep(one(p.random, 0, day, 8*day))
	}
	return nil
}

// verifyNewest reads the newest backup, which may be pruned meanwhile.
func verifyNewest(ctx context.Context, p *process, r *backup.Repository, s *watched) error {
	view, err := r.View(ctx, "")
	if err != nil {
		return allowed(err, backup.ErrNoBackup)
	}
	_, err = backup.Run(ctx, view.Verify(backup.Read, nil), 1)
	if _, isGone := s.gone[view.Manifest().Run]; isGone {
		return nil
	}
	return err
}

// sweep sweeps some times.
func sweep(ctx context.Context, p *process, s *watched) error {
	for range 1 + p.random.IntN(3) {
		r, err := p.open(ctx, s, backup.Keys{Trust: p.base.reader.Trust})
		if errors.Is(err, backup.ErrNoRepository) {
			return nil
		}
		if err == nil {
			_, err = r.Sweep(ctx, &backup.SweepRepositoryOptions{WithoutBackups: true})
		}
		if err := allowed(err, backup.ErrHeld, backup.ErrNoBackups); err != nil {
			return err
		}
		time.Sleep(one(p.random, 0, time.Hour, day, 6*day, 8*day))
	}
	return nil
}

// copyBackups copies backups to the other store.
func copyBackups(ctx context.Context, p *process) error {
	for range 1 + p.random.IntN(2) {
		r, err := p.open(ctx, p.main, p.base.reader)
		if err != nil {
			return err
		}
		manifests, err := stream.Run(ctx, r.List(), sink.Slice[backup.Manifest]())
		if err != nil {
			return err
		}
		run := manifests[p.random.IntN(len(manifests))].Run
		view, err := r.View(ctx, run)
		if err != nil {
			return allowed(err, backup.ErrNoBackup)
		}
		_, err = backup.Run(ctx, view.Copy(p.faults.Wrap(p.other), nil), 1)
		switch _, isGone := p.main.gone[run]; {
		case err == nil:
			p.done[run] = p.other
		case isGone, errors.Is(err, backup.ErrNotFound), errors.Is(err, backup.ErrTooOld):
			// It was pruned, or a sweep of the other store was faster, or could be.
		default:
			return err
		}
		time.Sleep(one(p.random, 0, day, 8*day))
	}
	return nil
}

// rekey gives the repository to another person.
func rekey(ctx context.Context, p *process) error {
	r, err := p.open(ctx, p.main, p.base.rekeyed)
	if err != nil {
		return err
	}
	if p.random.IntN(2) == 0 {
		if err := r.NewEpoch(ctx); err != nil {
			return err
		}
	}
	return r.Rekey(ctx)
}

// read restores every backup that it lists.
func read(ctx context.Context, p *process) error {
	return p.restoreAll(ctx)
}

// allowed returns nil if err is one of those that a process may get.
func allowed(err error, may ...error) error {
	for _, e := range may {
		if errors.Is(err, e) {
			return nil
		}
	}
	return err
}
