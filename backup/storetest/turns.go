package storetest

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing/synctest"
	"time"
)

// Turns lets processes that share stores take turns. Of all operations that the processes want to
// do, a random one runs, and then the process goes on until it wants to do the next. Some of the
// processes are faster than others. The time between two operations is random too, up to a second.
// The same seed gives the same choices. So a run is repeated if no process works on several
// goroutines; otherwise it is nearly repeated, because Go starts them in any order.
//
//	synctest.Test(t, func(t *testing.T) {
//		turns := storetest.NewTurns(seed)
//		turns.Go("writer", func(f *storetest.Faults) { backUp(f.Wrap(store)) })
//		turns.Go("sweeper", func(f *storetest.Faults) { sweep(f.Wrap(store)) })
//		turns.Run()
//	})
//
// It works only in a bubble of [synctest], which detects that all processes wait.
type Turns struct {
	random  *rand.Rand
	changed chan struct{} // something waits, or a process has ended

	mu      sync.Mutex
	running int   // processes
	speeds  []int // of the processes that were started
	waiting []*turn
	log     []string
}

// turn is an operation that waits.
type turn struct {
	process int
	name    string // of the process
	op, key string
	granted chan struct{}
}

// NewTurns returns turns whose choices depend on the seed.
func NewTurns(seed uint64) *Turns {
	return &Turns{random: rand.New(rand.NewPCG(seed, 0)), changed: make(chan struct{}, 1)}
}

// Go starts a process. The operations of the stores that its faults wrap take turns.
func (t *Turns) Go(name string, work func(*Faults)) {
	t.mu.Lock()
	t.running++
	number := len(t.speeds)
	t.speeds = append(t.speeds, 1<<t.random.IntN(5))
	t.mu.Unlock()
	f := &Faults{turn: func(ctx context.Context, op, key string) { t.wait(ctx, number, name, op, key) }}
	go func() {
		defer func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.running--
			t.signal()
		}()
		work(f)
	}()
}

// Run runs the processes until all have ended.
func (t *Turns) Run() {
	for {
		synctest.Wait()
		waits, running := t.state()
		switch {
		case waits:
			time.Sleep(time.Duration(t.random.Int64N(int64(time.Second))))
			synctest.Wait()
			t.grant()
		case running:
			<-t.changed
		default:
			return
		}
	}
}

// Log returns what has run: the time, the process, the operation and the key of each.
func (t *Turns) Log() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.log)
}

// state reports whether an operation waits, and whether a process has not ended.
func (t *Turns) state() (waits, running bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.waiting) > 0, t.running > 0
}

// wait waits for the turn of an operation, or until the context ends.
func (t *Turns) wait(ctx context.Context, process int, name, op, key string) {
	mine := &turn{process, name, op, key, make(chan struct{})}
	t.mu.Lock()
	t.waiting = append(t.waiting, mine)
	t.signal()
	t.mu.Unlock()
	select {
	case <-mine.granted:
	case <-ctx.Done():
		t.mu.Lock()
		defer t.mu.Unlock()
		t.waiting = slices.DeleteFunc(t.waiting, func(other *turn) bool { return other == mine })
	}
}

// signal wakes Run.
func (t *Turns) signal() {
	select {
	case t.changed <- struct{}{}:
	default:
	}
}

// grant lets an operation of a random process run: of several of one process, the first by name.
func (t *Turns) grant() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.waiting) == 0 { // its context has ended
		return
	}
	slices.SortStableFunc(t.waiting, func(a, b *turn) int {
		return cmp.Or(a.process-b.process, cmp.Compare(a.op, b.op), cmp.Compare(a.key, b.key))
	})
	var firsts []int // the first operation of each process, as often as the process is fast
	for i, w := range t.waiting {
		if i == 0 || w.process != t.waiting[i-1].process {
			firsts = append(firsts, slices.Repeat([]int{i}, t.speeds[w.process])...)
		}
	}
	i := firsts[t.random.IntN(len(firsts))]
	w := t.waiting[i]
	t.waiting = slices.Delete(t.waiting, i, i+1)
	t.log = append(t.log, fmt.Sprintf("%s %-8s %s %s", time.Now().UTC().Format("0102t150405"), w.name, w.op, w.key))
	close(w.granted)
}
