package stream

import "context"

// RestartSink returns a flow that splits its input into batches of n elements, runs sink over each
// batch, and emits each result. If sink fails, RestartSink runs it again over the same batch. Use
// it for a sequence of files or objects, or for inserts that survive a lost connection. If there is
// no element, sink does not run.
//
// A batch is the smallest unit that can be retried without loss, because a sink publishes all of
// its input or nothing. A published batch stays, whatever happens to later ones. A failed sink
// leaves nothing, by the contract of sinks. If that is uncertain, the error is of class
// UnknownOutcome, and RestartSink does not retry.
//
//   - Memory: n elements, a copy of their slices for each attempt, and what sink keeps.
//   - Goroutines: those of sink; batches run one after the other.
//   - Errors: as in [Retry]. An incomplete batch is dropped if the upstream fails.
func RestartSink[T, R any](n int, sink Sink[T, R], b *Backoff) Flow[T, R] {
	backoff, err := b.filled("RestartSink")
	switch {
	case n < 1:
		return invalid[T, R]("RestartSink: batches of %d elements; it must be at least 1", n)
	case sink == nil:
		return failFlow[T, R](errNilSink)
	case err != nil:
		return failFlow[T, R](err)
	}
	clone := detacher[T]()
	return Then(Batch[T](n), TryMap(retrying("RestartSink", func(ctx context.Context, batch []T) (R, error) {
		return consume(ctx, SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
			for _, v := range batch {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				if err := emit(clone(v)); err != nil {
					return err
				}
			}
			return nil
		}), sink)
	}, backoff)))
}
