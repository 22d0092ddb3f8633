package stream

import (
	"context"
	"time"
)

// BatchWithin returns a flow that gathers elements into slices of n. When d has passed since the
// first element of a batch, it emits the incomplete batch.
//
//   - Memory: one batch, and up to n elements (1,024 at most) that wait.
//   - Goroutines: one for the upstream, which has ended when the run returns.
//   - Errors: if the upstream fails, an incomplete batch is dropped.
func BatchWithin[T any](n int, d time.Duration) Flow[T, []T] {
	switch {
	case n < 1:
		return invalid[T, []T]("BatchWithin: batches of %d elements; it must be at least 1", n)
	case d <= 0:
		return invalid[T, []T]("BatchWithin: a time limit of %v; it must be positive", d)
	}
	return batchWithin(batcher[T]{count: n}, d)
}

// BatchBytesWithin returns a flow that gathers elements into slices of at most max bytes in total;
// size returns the bytes of an element. When d has passed since the first element of a batch, it
// emits the incomplete batch. An element larger than max forms its own batch.
//
//   - Memory: one batch, taken from a [Budget], and up to 16 elements that wait.
//   - Goroutines: one for the upstream, which has ended when the run returns.
//   - Errors: if the upstream fails, an incomplete batch is dropped.
func BatchBytesWithin[T any](max int, d time.Duration, size func(T) int) Flow[T, []T] {
	switch {
	case max < 1:
		return invalid[T, []T]("BatchBytesWithin: batches of %d bytes; it must be at least 1", max)
	case d <= 0:
		return invalid[T, []T]("BatchBytesWithin: a time limit of %v; it must be positive", d)
	case size == nil:
		return invalid[T, []T]("BatchBytesWithin: the size function is nil")
	}
	return batchWithin(batcher[T]{stage: "BatchBytesWithin", bytes: max, size: size}, d)
}

func batchWithin[T any](limits batcher[T], d time.Duration) Flow[T, []T] {
	ahead := 16
	if limits.count > 0 {
		ahead = min(limits.count, 1024)
	}
	return NewFlow(func(ctx context.Context, src Source[T], emit func([]T) error) error {
		b := limits
		b.open(ctx)
		defer b.account.Close()
		return gatherWithin(ctx, src, ahead, d, emit, func(emit func([]T) error) gatherer[T] {
			return gatherer[T]{
				add:   func(ctx context.Context, v T) error { return b.add(ctx, v, emit) },
				flush: func() error { return b.flush(emit) },
				empty: func() bool { return len(b.batch) == 0 },
			}
		})
	})
}
