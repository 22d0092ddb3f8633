package stream_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/millweir/millweir/stream"
)

// till is a budget with accounts and the order in which their calls were served.
type till struct {
	*testing.T
	b   *stream.Budget
	ctx context.Context

	mu    sync.Mutex
	order []string
}

func newTill(t *testing.T, size int64) *till {
	b := stream.NewBudget(size)
	return &till{T: t, b: b, ctx: stream.WithBudget(t.Context(), b)}
}

// run opens an account in a new run.
func (l *till) run(least, most int64) *stream.Account {
	return stream.OpenAccount(stream.WithReservation(l.ctx), stream.Need{Stage: "test", Min: least, Requested: most})
}

// insideOfARun returns the context of a run that goes on until end is called.
func (l *till) insideOfARun() (ctx context.Context, end func()) {
	contexts, ended := make(chan context.Context), make(chan struct{})
	r := stream.Go(l.ctx, count(0), stream.SinkFunc[int, int](func(ctx context.Context, _ stream.Source[int]) (int,
		error,
	) {
		contexts <- ctx
		<-ended
		return 0, nil
	}))
	return <-contexts, func() {
		close(ended)
		_, _ = r.Wait()
	}
}

// take calls Acquire on a new goroutine, and waits until it has returned or waits itself.
func (l *till) take(name string, a *stream.Account, n int64) {
	go func() {
		if err := a.Acquire(l.Context(), n); err != nil {
			l.Error(err)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.order = append(l.order, name)
	}()
	synctest.Wait()
}

// served checks which calls were served since the last check. Calls that are served together may
// have returned in any order.
func (l *till) served(want ...string) {
	l.Helper()
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	slices.Sort(l.order)
	if !slices.Equal(l.order, want) {
		l.Errorf("served %v, want %v", l.order, want)
	}
	l.order = nil
}

func (l *till) used(want int64) {
	l.Helper()
	synctest.Wait()
	if got := l.b.Used(); got != want {
		l.Errorf("%d bytes are used, want %d", got, want)
	}
}

// Stages take what is left in the order of arrival. No stage waits for its minimum, or for a first
// element.
func TestAccountsOfRunningStages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTill(t, 10)
		one, two, three := l.run(2, 0), l.run(2, 0), l.run(0, 0)
		l.used(0)
		l.take("one", one, 6)
		l.take("two", two, 3)
		l.take("three", three, 7)
		l.served("one", "three", "two")
		l.used(16)
		l.take("one, more", one, 5)
		l.take("two, more", two, 1)
		l.served()
		three.Release(7)
		l.served() // one came first
		if two.TryAcquire(1) {
			t.Error("Try went before those who wait")
		}
		if !three.TryAcquire(1) || three.TryAcquire(1) {
			t.Error("Try of an account that holds nothing")
		}
		two.Release(2)
		l.served("two, more") // within its minimum
		three.Close()
		one.Release(5)
		l.served("one, more")
		l.used(6 + 2)
		l.take("one, too large", one, 100)
		l.served()
		one.Release(6)
		l.served("one, too large") // it holds nothing else now
		l.used(102)
		l.take("two, waiting", two, 1)
		one.Close()
		l.served("two, waiting")
		l.used(3)
		if !two.TryAcquire(7) || two.TryAcquire(1) {
			t.Error("Try at the edge of the budget")
		}
		l.take("set", two, 5)
		l.b.Set(14)
		l.served()
		l.b.Set(15)
		l.served("set")
		if l.b.Size() != 15 {
			t.Errorf("the size is %d", l.b.Size())
		}
		two.Close()
		two.Close()
		l.used(0)
	})
}

// Runs wait for their minimums in the order of arrival, and before stages that want more.
func TestRunsWaitForTheirMinimum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTill(t, 10)
		ctx, end := l.insideOfARun()
		defer end()
		source := stream.OpenAccount(ctx, stream.Need{Stage: "source", Min: 3})
		sink := stream.OpenAccount(ctx, stream.Need{Stage: "sink", Min: 2})
		l.used(0) // it costs nothing until data comes
		l.take("source", source, 1)
		l.used(5)
		big, small := l.run(6, 0), l.run(1, 0)
		l.take("big", big, 1)
		l.take("small", small, 1)
		if n := l.b.Waiting(); n != 2 {
			t.Errorf("%d runs wait", n)
		}
		l.take("more", sink, 2)
		l.served("more", "source")
		l.take("even more", sink, 1)
		if small.TryAcquire(1) {
			t.Error("Try went before a run that waits")
		}
		source.Close() // its minimum stays with the run, for a new try
		l.served()
		again := stream.OpenAccount(ctx, stream.Need{Stage: "source", Min: 3})
		l.take("again", again, 3)
		l.served("again")
		l.used(5)
		late := stream.OpenAccount(ctx, stream.Need{Stage: "late", Min: 8})
		l.take("late", late, 8)
		l.served("late") // beyond the budget
		l.used(13)
		late.Close()
		again.Close()
		sink.Release(2)
		l.served("even more")
		sink.Close()
		l.served("big", "small")
		l.used(7)
		if err := sink.Acquire(cancelled(), 1); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		big.Close()
		small.Close()
		l.used(0)
	})
}

func TestAccountCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTill(t, 10)
		one, two := l.run(1, 0), l.run(1, 0)
		l.take("one", one, 9)
		l.take("two", two, 1)
		l.served("one", "two")
		ctx, cancel := context.WithCancelCause(t.Context())
		first := make(chan error, 1)
		go func() { first <- one.Acquire(ctx, 5) }()
		synctest.Wait()
		l.take("second", two, 4)
		one.Release(4) // room for the second call
		l.served()
		cancel(errBoom)
		if err := <-first; err != errBoom {
			t.Errorf("got %v, want the cause", err)
		}
		l.served("second") // a cancelled call does not block it
		if err := one.Acquire(ctx, 0); err != errBoom {
			t.Errorf("got %v, want the cause", err)
		}
		l.used(10)
	})
}

// A run that is cancelled while it waits for its minimum does not block the next one, and may try
// again.
func TestWaitingRunCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTill(t, 10)
		one, two, three := l.run(5, 0), l.run(6, 0), l.run(4, 0)
		l.take("one", one, 1)
		ctx, cancel := context.WithCancelCause(t.Context())
		ended := make(chan error, 2)
		go func() { ended <- two.Acquire(ctx, 1) }()
		go func() { ended <- two.Acquire(ctx, 2) }()
		synctest.Wait()
		l.take("three", three, 1)
		l.served("one")
		cancel(errBoom)
		for range 2 {
			if err := <-ended; err != errBoom {
				t.Errorf("got %v, want the cause", err)
			}
		}
		l.served("three")
		l.take("two", two, 1)
		l.served()
		one.Close()
		l.served("two")
		two.Close()
		three.Close()
		l.used(0)
	})
}

// A claim may be served after its context is done and before it has left. Its bytes are given back.
func TestAccountCancelledWhileServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTill(t, 10)
		a := l.run(1, 0)
		l.take("all", a, 10)
		for range 100 {
			ctx, cancel := context.WithCancelCause(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- a.Acquire(ctx, 5) }()
			synctest.Wait()
			cancel(errBoom)
			a.Release(5)
			if err := <-ended; err != errBoom || l.b.Used() != 5 {
				t.Fatalf("%v, %d bytes are used", err, l.b.Used())
			}
			if !a.TryAcquire(5) {
				t.Fatal("the budget has no room")
			}
		}
	})
}

func TestAccountMistakesPanic(t *testing.T) {
	for name, f := range map[string]func(*stream.Account){
		"more than it holds": func(a *stream.Account) { a.Release(3) },
		"less than nothing":  func(a *stream.Account) { a.Release(-1) },
		"Try":                func(a *stream.Account) { a.TryAcquire(-1) },
		"Acquire":            func(a *stream.Account) { _ = a.Acquire(context.Background(), -1) },
	} {
		t.Run(name, func(t *testing.T) {
			l := newTill(t, 5)
			a := l.run(0, 0)
			a.TryAcquire(2)
			defer func() {
				if recover() == nil || l.b.Used() != 2 {
					t.Error("no panic, or the account changed")
				}
			}()
			f(a)
		})
	}
}

// Without a budget, an account is nil, and it gives everything.
func TestAccountWithoutABudget(t *testing.T) {
	for _, ctx := range []context.Context{
		t.Context(), stream.WithBudget(t.Context(), nil), stream.WithReservation(t.Context()),
		stream.WithReservation(stream.WithBudget(newTill(t, 1).ctx, nil)),
	} {
		a := stream.OpenAccount(ctx, stream.Need{Stage: "test", Min: 5})
		if a != nil {
			t.Error("there is an account")
		}
		if err := a.Acquire(ctx, 7); err != nil || !a.TryAcquire(8) {
			t.Error(err)
		}
		a.Release(100)
		a.Close()
	}
}

func cancelled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// Calls of one account are served in the order of arrival, also if its run waits for its minimums.
func TestAccountServesItsCallsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTill(t, 10)
		other, a := l.run(10, 0), l.run(1, 0)
		l.take("other", other, 10)
		var order []int
		for i := range 50 {
			go func() {
				if err := a.Acquire(t.Context(), 10); err != nil {
					t.Error(err)
				}
				order = append(order, i) // only one call has the bytes
				a.Release(10)
			}()
			synctest.Wait()
		}
		other.Close()
		synctest.Wait()
		if len(order) != 50 || !slices.IsSorted(order) {
			t.Errorf("served %v", order)
		}
		a.Close()
		l.used(0)
	})
}
