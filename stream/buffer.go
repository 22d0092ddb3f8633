package stream

import (
	"context"
	"errors"
)

// Overflow selects what a [Buffer] does with an element that arrives when it is full.
type Overflow int

// The strategies. To make the upstream wait instead, use [Async].
const (
	OverflowFail Overflow = iota // end the run with ErrOverflow
	DropOldest                   // drop the element that has waited longest
	DropNewest                   // drop the new element
	DropAll                      // drop all waiting elements
)

// ErrOverflow is the error of a full [Buffer] with [OverflowFail]. It is of class Throttled: the
// downstream is too slow.
var ErrOverflow = Mark(errors.New("stream: the buffer is full"), Throttled)

// Buffer returns a flow that runs its upstream on a separate goroutine and never makes it wait. Up
// to n elements wait for the downstream; overflow selects what happens when another element
// arrives.
//
//   - Memory: n elements.
//   - Order and goroutines: the order is kept; one goroutine, which has ended when the run returns.
//   - Errors: [ErrOverflow] with OverflowFail; an error of the upstream overtakes the waiting
//     elements.
func Buffer[T any](n int, overflow Overflow) Flow[T, T] {
	switch {
	case n < 1:
		return invalid[T, T]("Buffer: %d elements; it must be at least 1", n)
	case overflow < OverflowFail || overflow > DropAll:
		return invalid[T, T]("Buffer: there is no overflow strategy %d", overflow)
	}
	return NewFlow(func(ctx context.Context, src Source[T], emit func(T) error) error {
		var waiting deque[T]
		return gated(ctx, src, func(_ context.Context, g *gate, v T) (err error) {
			g.do(func() {
				if waiting.len() == n {
					switch overflow {
					case OverflowFail:
						err = ErrOverflow
						return
					case DropNewest:
						return
					case DropOldest:
						waiting.pop()
					case DropAll:
						waiting.clear()
					}
				}
				waiting.push(v)
			})
			return err
		}, func(ctx context.Context, g *gate) (bool, error) {
			var next T
			more := false
			err := g.when(ctx, func() bool { return waiting.len() > 0 || g.ended }, func() {
				if more = waiting.len() > 0; more {
					next = waiting.pop()
				}
			})
			if err != nil || !more {
				return false, err
			}
			return true, emit(next)
		})
	})
}
