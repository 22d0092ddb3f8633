package stream

import "context"

// CarrySegments returns a flow that cuts its input into segments of n elements and runs flow anew over the values of each: gzip
// members or zstd frames that follow one another, objects that [ResultOf] an upload stores. It fits any flow, whatever it holds back,
// for when a run of it has ended, all that it took is out. So the last element that flow emits for a segment carries the last
// checkpoint of it, and the others carry none. With n = 0 the whole stream is one segment.
//
//	stream.CarrySegments[Position](10_000, codec.Gzip(nil))
//
// Where flow emits nothing for a segment, the next one covers it. Without an element flow is not run.
//
//   - Memory: one element of flow's output, which waits for the next or for the end of the segment; what flow holds.
//   - Order and goroutines: flow's; the upstream runs as a coroutine.
//   - Errors: flow's and the upstream's, as they are.
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
	return FlowFunc[in, out](func(src Source[in]) Source[out] {
		return SourceFunc[out](func(ctx context.Context, emit func(out) error) error {
			taken := 0
			segments := SplitAfter(func(in) bool { taken++; return n > 0 && taken%n == 0 })
			var last Checkpoint[P]
			return each(ctx, Via(src, segments), func(segment Source[in]) error {
				values := Via(segment, Map(func(e in) T {
					last = later(last, e.Context)
					return e.Value
				}))
				var held out
				some := false
				err := each(ctx, Via(values, flow), func(u U) error {
					before := held
					emitting := some
					held, some = out{Value: u}, true
					if !emitting {
						return nil
					}
					return emit(before)
				})
				if err != nil || !some {
					return err
				}
				held.Context, last = last, Checkpoint[P]{}
				return emit(held)
			})
		})
	})
}
