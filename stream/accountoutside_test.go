package stream_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/millweir/millweir/stream"
)

// Outside of a run, a stage gets only its minimum, at once. It takes nothing from the runs, because
// its reader may wait for one of them.
func TestAccountOutsideOfARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTill(t, 10)
		outside := stream.OpenAccount(l.ctx, stream.Need{Stage: "outside", Min: 6})
		l.take("outside", outside, 4)
		inside := l.run(10, 0)
		l.take("inside", inside, 10)
		l.served("inside", "outside")
		l.used(14)
		if !outside.TryAcquire(2) || outside.TryAcquire(1) {
			t.Error("Try at the edge of the minimum")
		}
		l.take("more", outside, 1)
		inside.Close()
		l.served()
		outside.Release(1)
		l.served("more")
		outside.Close()
		l.used(0)
	})
}

// A stage outside of a run that waits for more than its minimum, which it gets only from itself, does
// not block the stages of runs.
func TestAccountOutsideOfARunBlocksNoRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTill(t, 10)
		outside := stream.OpenAccount(l.ctx, stream.Need{Stage: "outside", Min: 2})
		l.take("outside", outside, 2)
		ctx, cancel := context.WithCancelCause(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- outside.Acquire(ctx, 1) }()
		synctest.Wait()
		l.take("more", outside, 1)
		inside := l.run(1, 0)
		l.take("inside", inside, 1)
		if !inside.TryAcquire(3) {
			t.Error("the budget has no room")
		}
		l.take("inside, more", inside, 4)
		l.served("inside", "inside, more", "outside")
		cancel(errBoom)
		if err := <-ended; err != errBoom {
			t.Errorf("got %v, want the cause", err)
		}
		outside.Release(1)
		l.served("more")
		l.used(10)
		outside.Close()
		inside.Close()
		l.used(0)
	})
}
