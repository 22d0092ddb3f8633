package backup_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/storetest"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

const day = 24 * time.Hour

// world is two stores, and processes that use them at the same time. The second has copies.
type world struct {
	*testing.T
	base        *base
	turns       *storetest.Turns
	random      *rand.Rand
	source      deployment // its documents do not change meanwhile
	main, other *watched
	done        map[string]*watched // the backups and copies that were reported, and where they are
	problems    []string
}

// broken notes that an invariant is broken.
func (w *world) broken(format string, args ...any) {
	w.problems = append(w.problems, fmt.Sprintf(format, args...))
}

// began returns when a run began.
func (w *world) began(run string) time.Time {
	text, _, _ := strings.Cut(run, "-")
	at, err := time.Parse("20060102t150405z", text)
	if err != nil {
		return time.Time{}
	}
	return at
}

// one returns one of some values.
func one[T any](r *rand.Rand, values ...T) T { return values[r.IntN(len(values))] }

// skew returns how far a clock is ahead: up to a day, often exactly.
func skew(r *rand.Rand) time.Duration {
	return one(r, -day, day, 0, time.Duration(r.Int64N(int64(2*day)))-day)
}

// process is a process of a world, with a clock of its own.
type process struct {
	*world
	name   string
	skew   time.Duration
	random *rand.Rand
	faults *storetest.Faults
}

// start starts a process. It does its work from a random time on, and in one of four worlds it is
// killed.
func (w *world) start(name string, work func(context.Context, *process) error) {
	random := rand.New(rand.NewPCG(w.random.Uint64(), 0))
	p := &process{world: w, name: name, skew: skew(random), random: random}
	wait := one(random, 0, 0, 0, time.Hour, day, 5*day, 6*day, 8*day)
	kill, moment := 0, one(random, storetest.BeforeChange, storetest.AfterChange)
	if random.IntN(4) == 0 {
		kill = 1 + random.IntN(30)
	}
	w.turns.Go(name, func(f *storetest.Faults) {
		p.faults = f
		f.KillAt(kill, moment)
		time.Sleep(wait)
		if err := work(w.Context(), p); err != nil && !f.Killed() {
			w.broken("%s failed: %v", name, err)
		}
	})
}

// open opens a repository with the clock of the process.
func (p *process) open(ctx context.Context, s *watched, keys backup.Keys) (*backup.Repository, error) {
	r, err := backup.Open(ctx, p.faults.Wrap(s), keys)
	if err != nil {
		return nil, err
	}
	return backup.WithClock(r, func() time.Time { return time.Now().Add(p.skew) }), nil
}

// connect returns a client of a server in memory, and a function that closes it.
func connect(t *testing.T, srv *mongotest.Server) (*mongo.Client, func()) {
	t.Helper()
	client, err := mongo.Connect(options.Client().ApplyURI(srv.URI()).SetDialer(srv).
		SetHeartbeatInterval(365 * day))
	if err != nil {
		t.Fatal(err)
	}
	return client, func() {
		if err := client.Disconnect(context.Background()); err != nil {
			t.Error(err)
		}
	}
}

// check checks what must be true when all processes have ended, and again after a sweep much later.
func (w *world) check(ctx context.Context) {
	for _, s := range []*watched{w.main, w.other} {
		if _, err := s.content(ctx, "repo.json"); errors.Is(err, backup.ErrNotFound) {
			continue // no copy was begun
		}
		w.checkStore(ctx, s)
		time.Sleep(30 * day)
		r, err := backup.Open(ctx, s, w.base.reader)
		if err == nil {
			_, err = r.Sweep(ctx, &backup.SweepRepositoryOptions{WithoutBackups: true}) // the copier may be killed
		}
		if err != nil {
			w.broken("the last sweep: %v", err)
			continue
		}
		w.checkStore(ctx, s)
		w.checkSwept(ctx, s)
	}
	w.checkNext(ctx)
}

// checkStore checks that every backup that is listed is whole, and that all are listed that should be.
func (w *world) checkStore(ctx context.Context, s *watched) {
	s.unchanged(ctx)
	r, err := backup.Open(ctx, s, w.base.reader)
	if err != nil {
		w.broken("%v", err)
		return
	}
	listed := map[string]bool{}
	manifests, err := stream.Run(ctx, r.List(), sink.Slice[backup.Manifest]())
	if err != nil {
		w.broken("the backups cannot be listed: %v", err)
	}
	for i := range manifests {
		m := &manifests[i]
		listed[m.Run] = true
		docs := w.source
		if old, ok := w.base.made[m.Run]; ok {
			docs = old
		}
		if err := sameAsServer(ctx, r, docs, m.Run); err != nil {
			w.broken("%s is listed, and is not what it should be: %v", m.Run, err)
		}
		if len(m.LeftOut) > 0 || m.Consistency != "per range" {
			w.broken("%s is weaker than it should be: %s, %v", m.Run, m.Consistency, m.LeftOut)
		}
	}
	for run, where := range w.done {
		if _, isGone := s.gone[run]; where == s && !listed[run] && !isGone {
			w.broken("%s was reported, and is not listed", run)
		}
	}
	if s == w.main && len(manifests) == 0 {
		w.broken("no backup is left")
	}
}

// checkSwept checks that a sweep has left no data that no backup names.
func (w *world) checkSwept(ctx context.Context, s *watched) {
	needed := map[string]bool{}
	for _, keys := range s.named {
		for _, key := range keys {
			needed[key] = true
		}
	}
	_ = s.Store.List("data/").Each(ctx, func(o backup.Object) error {
		if !needed[o.Key] {
			w.broken("the last sweep has left %s", o.Key)
		}
		return nil
	})
}

// checkNext checks that another backup succeeds.
func (w *world) checkNext(ctx context.Context) {
	client, closes := connect(w.T, w.source.Server)
	defer closes()
	r, err := backup.Open(ctx, w.main, w.base.writer)
	if err != nil {
		w.broken("%v", err)
		return
	}
	report, err := backUp(ctx, r, deployment{w.source.Server, client}, small())
	if err != nil {
		w.broken("the next backup failed: %v", err)
		return
	}
	if r, err = backup.Open(ctx, w.main, w.base.reader); err == nil {
		err = sameAsServer(ctx, r, w.source, report.Run)
	}
	if err != nil {
		w.broken("the next backup is not what it should be: %v", err)
	}
}

// report prints what is broken, and what the processes did.
func (w *world) report(seed uint64, last int) {
	if len(w.problems) == 0 {
		return
	}
	log := w.turns.Log()
	w.Errorf("seed %d: %s\n%s", seed, strings.Join(slices.Compact(w.problems), "\n"),
		strings.Join(log[max(0, len(log)-last):], "\n"))
}
