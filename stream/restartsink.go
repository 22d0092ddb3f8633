package stream

import "context"

// RestartSink returns a flow that cuts its input into pieces of n elements, runs sink over each, again over the same elements when
// it fails, and emits the result of each: files or objects that follow one another, inserts that outlive a lost connection.
//
// It is a flow because each piece stands as soon as its run is complete, whatever becomes of the rest: a sink publishes what it
// was given as a whole or not at all, so a piece is the least that can be tried again without loss. A piece that failed left
// nothing, by the contract of sinks; where that cannot be known the error is of class UnknownOutcome, and not tried again.
// Without an element sink is not run.
//
//   - Memory: n elements, with copies of their slices for each try, and what sink keeps.
//   - Order and goroutines: pieces one after the other; fused beside sink's own goroutines.
//   - Errors: as in [Retry]. The pieces before stay; an incomplete piece is dropped when the upstream fails.
func RestartSink[T, R any](n int, sink Sink[T, R], b *Backoff) Flow[T, R] {
	backoff, err := b.filled("RestartSink")
	switch {
	case n < 1:
		return invalid[T, R]("RestartSink: pieces of %d elements; it must be at least 1", n)
	case sink == nil:
		return failFlow[T, R](errNilSink)
	case err != nil:
		return failFlow[T, R](err)
	}
	own := detacher[T]()
	return Join(Batch[T](n), TryMap(retrying("RestartSink", func(ctx context.Context, piece []T) (R, error) {
		return Run(ctx, SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
			for _, v := range piece {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				if err := emit(own(v)); err != nil {
					return err
				}
			}
			return nil
		}), sink)
	}, backoff)))
}
