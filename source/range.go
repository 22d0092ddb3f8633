package source

import (
	"context"
	"errors"

	"github.com/millweir/millweir/internal/watch"
	"github.com/millweir/millweir/stream"
)

// Integer is any integer type.
type Integer interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr
}

// Range returns a source of the integers from, from+step, from+2×step… before to, which is not among them, as the end of a slice
// expression is not. With a negative step it counts down. It is empty when to lies the other way, and it ends where the next
// integer would leave its type.
func Range[N Integer](from, to, step N) stream.Source[N] {
	if step == 0 {
		return stream.Fail[N](errors.New("source: Range: the step is 0"))
	}
	up := step > 0
	return stream.SourceFunc[N](func(ctx context.Context, emit func(N) error) error {
		w := watch.Source(ctx)
		defer w.End()
		for v := from; up && v < to || !up && v > to; {
			if w.Ask.Load() && w.Done() {
				return context.Cause(ctx)
			}
			if err := emit(v); err != nil {
				return err
			}
			next := v + step
			if next > v != up { // it overflowed
				return nil
			}
			v = next
		}
		return nil
	})
}
