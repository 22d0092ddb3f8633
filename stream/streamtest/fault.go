package streamtest

import (
	"context"
	"fmt"

	"github.com/millweir/millweir/stream"
)

// faultAt returns a flow that calls fault after n elements, in place of the next element or of the
// end.
func faultAt[T any](name string, n int, fault func(context.Context) error) stream.Flow[T, T] {
	return counted(name, n, func(ctx context.Context, src stream.Source[T], emit func(T) error) error {
		left := n
		done := false
		err := src.Each(ctx, func(v T) error {
			if left == 0 {
				done = true
				return fault(ctx)
			}
			left--
			return emit(v)
		})
		if err == nil && left == 0 && !done {
			return fault(ctx)
		}
		return err
	})
}

// counted returns a flow whose runs call each. A negative n, which is a count of elements, is an
// error.
func counted[T any](
	name string,
	n int,
	each func(context.Context, stream.Source[T], func(T) error) error,
) stream.Flow[T, T] {
	return stream.FlowFunc[T, T](func(src stream.Source[T]) stream.Source[T] {
		if n < 0 {
			return stream.Fail[T](fmt.Errorf("streamtest: %s: %d elements; the count must not be negative", name, n))
		}
		return stream.SourceFunc[T](func(ctx context.Context, emit func(T) error) error { return each(ctx, src, emit) })
	})
}
