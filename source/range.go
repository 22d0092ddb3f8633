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

// Range returns a source of the integers from, from+step, from+2×step, and so on, up to but not
// including to. With a negative step it counts down. It is empty if the step leads away from to. It
// ends if the next integer would overflow.
func Range[N Integer](from, to, step N) stream.Source[N] {
	if step == 0 {
		return stream.Fail[N](errors.New("source: Range: the step is 0"))
	}
	up := step > 0
	return stream.SourceFunc[N](func(ctx context.Context, emit func(N) error) error {
		w := watch.Source(ctx)
		defer w.End()
		for v := from; up && v < to || !up && v > to; {
			if w.Check.Load() && w.Done() {
				return context.Cause(ctx)
			}
			if err := emit(v); err != nil {
				return err
			}
			next := v + step
			if next > v != up { // overflow
				return nil
			}
			v = next
		}
		return nil
	})
}
