package sink

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millweir/millweir/internal/ending"
	"github.com/millweir/millweir/stream"
)

// ForEachParallel returns a sink that calls f with each element, with up to n concurrent calls in
// any order.
//
//   - Result: the number of calls that succeeded, also with an error.
//   - Memory: 2n elements, in calls or waiting for one, if f is slow; up to 64 times that if f
//     takes less than about a microsecond.
//   - Goroutines: n call f, and the caller's runs the upstream; all have ended when the run
//     returns.
//   - Errors: the first error of f ends the run, is returned unwrapped, and cancels the context of
//     the other calls.
func ForEachParallel[T any](n int, f func(context.Context, T) error) stream.Sink[T, int64] {
	switch {
	case n < 1:
		return invalid[T, int64]("ForEachParallel: %d calls at once; it must be at least 1", n)
	case f == nil:
		return invalid[T, int64]("ForEachParallel: the function is nil")
	}
	return stream.SinkFunc[T, int64](func(ctx context.Context, src stream.Source[T]) (int64, error) {
		var taken atomic.Int64
		g, ctx := stream.NewGroup(ctx)
		call := stream.WithoutDrain(ctx)
		l := newLine[T](n)
		defer context.AfterFunc(ctx, l.halt)()
		for range n {
			g.Go(func() error {
				var mine []T
				for {
					if mine = l.take(mine); len(mine) == 0 {
						return context.Cause(ctx) // nil, unless a cancellation may have cut it short
					}
					began := time.Now()
					for _, v := range mine {
						if ctx.Err() != nil {
							return context.Cause(ctx)
						}
						if err := f(call, v); err != nil {
							return ending.Cause(ctx, err)
						}
						taken.Add(1)
					}
					l.fit(time.Since(began) / time.Duration(len(mine)))
				}
			})
		}
		err := g.Do(func() error {
			err := src.Each(ctx, func(v T) error { return l.put(ctx, v) })
			if err == nil {
				l.end()
			}
			return err
		})
		return taken.Load(), err
	})
}

const (
	shareMost = 64                    // most elements that a worker takes at once
	shareTime = 40 * time.Microsecond // calls of this total duration make the hand-over of their share cheap
)

// line is the queue of elements for the workers of [ForEachParallel].
type line[T any] struct {
	mu      sync.Mutex
	room    sync.Cond // signals the upstream: there is room
	ready   sync.Cond // signals workers: there are elements
	queue   []T
	head    int // index of the first waiting element in queue
	workers int
	share   int // elements that a worker takes at once
	idle    int // waiting workers that have not been signalled
	ended   bool
	halted  bool
}

func newLine[T any](workers int) *line[T] {
	l := &line[T]{workers: workers, share: 1}
	l.room.L, l.ready.L = &l.mu, &l.mu
	return l
}

// put adds v and waits for room if there is none.
func (l *line[T]) put(ctx context.Context, v T) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.queue)-l.head >= l.workers*l.share && !l.halted {
		l.room.Wait()
	}
	if l.halted {
		return context.Cause(ctx)
	}
	if l.head > 0 && l.head >= len(l.queue)/2 {
		rest := copy(l.queue, l.queue[l.head:])
		clear(l.queue[rest:])
		l.queue, l.head = l.queue[:rest], 0
	}
	l.queue = append(l.queue, v)
	if l.idle > 0 {
		l.idle--
		l.ready.Signal()
	}
	return nil
}

// take waits for elements and returns a worker's share of them, in the memory of used. It returns
// none if no more elements follow.
func (l *line[T]) take(used []T) []T {
	clear(used)
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.head == len(l.queue) {
		if l.ended || l.halted {
			return nil
		}
		l.idle++
		l.ready.Wait()
	}
	if l.halted {
		return nil
	}
	waiting := len(l.queue) - l.head
	n := min(l.share, (waiting+l.workers-1)/l.workers)
	mine := append(used[:0], l.queue[l.head:l.head+n]...)
	clear(l.queue[l.head : l.head+n])
	l.head += n
	l.room.Signal()
	return mine
}

// fit adapts the share to the duration of a call.
func (l *line[T]) fit(each time.Duration) {
	share := shareMost
	if each > 0 {
		share = int(min(shareTime/each, shareMost))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.share = max(1, min(share, 2*l.share))
}

// end records that no more elements follow.
func (l *line[T]) end() {
	l.mu.Lock()
	l.ended = true
	l.mu.Unlock()
	l.ready.Broadcast()
}

// halt ends all waits, because the run's context is done.
func (l *line[T]) halt() {
	l.mu.Lock()
	l.halted = true
	l.mu.Unlock()
	l.ready.Broadcast()
	l.room.Broadcast()
}
