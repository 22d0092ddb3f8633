package source

import (
	"context"
	"errors"
	"iter"

	"github.com/millweir/millweir/internal/ending"
	"github.com/millweir/millweir/internal/watch"
	"github.com/millweir/millweir/stream"
)

// Seq returns a source of the elements of seq. Every run ranges over seq. Cancellation does not
// interrupt seq while it blocks.
func Seq[T any](seq iter.Seq[T]) stream.Source[T] {
	if seq == nil {
		return stream.Fail[T](errors.New("source: Seq: the sequence is nil"))
	}
	return stream.SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
		w := watch.Source(ctx)
		defer w.End()
		if w.Done() {
			return context.Cause(ctx)
		}
		for x := range seq {
			over := w.Check.Load() && w.Done()
			if over && ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := emit(x); err != nil {
				return err
			}
			if over { // drained, after emitting the element that seq yielded
				return context.Cause(ctx)
			}
		}
		return context.Cause(ctx) // nil, unless a cancellation may have cut it short
	})
}

// Seq2 returns a source of the elements of seq up to its first error, which ends the run and is
// returned unwrapped. Every run ranges over seq. Cancellation does not interrupt seq while it
// blocks. Seq2 is the inverse of [stream.All].
func Seq2[T any](seq iter.Seq2[T, error]) stream.Source[T] {
	if seq == nil {
		return stream.Fail[T](errors.New("source: Seq2: the sequence is nil"))
	}
	return stream.SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
		w := watch.Source(ctx)
		defer w.End()
		if w.Done() {
			return context.Cause(ctx)
		}
		for x, err := range seq {
			if err != nil {
				return ending.Cause(ctx, err)
			}
			over := w.Check.Load() && w.Done()
			if over && ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := emit(x); err != nil {
				return err
			}
			if over { // drained, after emitting the element that seq yielded
				return context.Cause(ctx)
			}
		}
		return context.Cause(ctx) // nil, unless a cancellation may have cut it short
	})
}
