package streamtest

import (
	"context"
	"fmt"

	"github.com/millweir/millweir/stream"
)

// faultAt returns a source that does fault after n elements of src, in place of the next or of the end.
func faultAt[T any](name string, src stream.Source[T], n int, fault func(context.Context) error) stream.Source[T] {
	if n < 0 {
		return negative[T](name, n)
	}
	return stream.SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
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

func negative[T any](name string, n int) stream.Source[T] {
	return stream.Fail[T](fmt.Errorf("streamtest: %s: %d elements; the count must not be negative", name, n))
}
