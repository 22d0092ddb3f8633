package stream

import "context"

// CarrySegments returns a flow that cuts its input into segments of n elements and runs flow once
// over the values of each segment. The outputs are consecutive gzip members or zstd frames, for
// example, or objects that [ResultOf] an upload stores. It works with any flow, even one that holds
// elements back, because a run has emitted all of its output when it ends. So the last output of a
// segment carries the last checkpoint of the segment, and the others carry none. With n = 0, the
// whole stream is one segment.
//
//	stream.CarrySegments[Position](10_000, codec.Gzip(nil))
//
// If flow emits nothing for a segment, the next segment's checkpoint covers it. If no element
// arrives, flow is not run.
//
//   - Memory: what flow holds, and one element of its output, which waits for the next one or for
//     the end of the segment.
//   - Order and goroutines: flow's; the upstream runs as a coroutine.
//   - Errors: flow's and the upstream's, unchanged.
func CarrySegments[P, T, U any](n int, flow Flow[T, U]) Flow[Envelope[T, Checkpoint[P]], Envelope[U, Checkpoint[P]]] {
	type (
		in  = Envelope[T, Checkpoint[P]]
		out = Envelope[U, Checkpoint[P]]
	)
	switch {
	case n < 0:
		return invalid[in, out]("CarrySegments: segments of %d elements; the count must not be negative", n)
	case flow == nil:
		return failFlow[in, out](errNilFlow)
	}
	return NewFlow(func(ctx context.Context, src Source[in], emit func(out) error) error {
		taken := 0
		segments := SplitAfter(func(in) bool { taken++; return n > 0 && taken%n == 0 })
		var last Checkpoint[P]
		return each(ctx, Via(src, segments), func(segment Source[in]) error {
			values := Via(segment, Map(func(e in) T {
				last = later(last, e.Context)
				return e.Value
			}))
			var held out
			hasHeld := false
			err := each(ctx, Via(values, flow), func(u U) error {
				before := held
				emitting := hasHeld
				held, hasHeld = out{Value: u}, true
				if !emitting {
					return nil
				}
				return emit(before)
			})
			if err != nil || !hasHeld {
				return err
			}
			held.Context, last = last, Checkpoint[P]{}
			return emit(held)
		})
	})
}
