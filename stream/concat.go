package stream

import (
	"context"
	"errors"

	"github.com/millweir/millweir/internal/drain"
	"github.com/millweir/millweir/internal/early"
)

// Concat returns a source that runs srcs in turn, each one after the previous one has completed.
// Fused; it holds no element.
//
// Each source sees a drain of the run. A source that can be drained ends at once when its turn
// comes. Any other source runs to its end: for example, one that emits the closing bracket of a
// document.
func Concat[T any](srcs ...Source[T]) Source[T] {
	for _, src := range srcs {
		if src == nil {
			return Fail[T](errNilSource)
		}
	}
	return SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
		for _, src := range srcs {
			if err := each(ctx, src, emit); err != nil {
				return err
			}
		}
		return nil
	})
}

// OrElse returns a source that runs first. If first completes without an element, and not because
// of a drain, it then runs second. Fused; it holds no element.
func OrElse[T any](first, second Source[T]) Source[T] {
	if first == nil || second == nil {
		return Fail[T](errNilSource)
	}
	return SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
		empty := true
		err := first.Each(ctx, func(v T) error {
			empty = false
			return emit(v)
		})
		if err != nil || !empty || drain.Begun(ctx) {
			return err
		}
		return each(ctx, second, emit)
	})
}

// ResultOf returns a flow that runs its upstream into sink and emits one element: the sink's
// result.
func ResultOf[T, R any](sink Sink[T, R]) Flow[T, R] {
	if sink == nil {
		return invalid[T, R]("ResultOf: the sink is nil")
	}
	return NewFlow(func(ctx context.Context, src Source[T], emit func(R) error) error {
		r, err := consume(early.Detached(ctx), src, sink)
		if err != nil {
			return err
		}
		return emit(r)
	})
}

var errUsed = Mark(errors.New("stream: this source was already read, or its run is over"), Fatal)
