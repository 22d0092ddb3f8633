// Package guarded runs a source into a stage and remembers the stage's error, so that a source that
// hides this error does not make a failed run look complete.
package guarded

import (
	"context"

	"github.com/millweir/millweir/internal/early"
	"github.com/millweir/millweir/stream"
)

// Each runs src into f. If f fails, Each fails, even if src hides the error, and does not call f
// again. f may hold elements back, so [stream.Carry] refuses the stage.
func Each[T any](ctx context.Context, src stream.Source[T], f func(T) error) error {
	return EachAtOnce(early.Detached(ctx), src, f)
}

// EachAtOnce is Each for an f that emits what it makes of an element before it returns.
func EachAtOnce[T any](ctx context.Context, src stream.Source[T], f func(T) error) error {
	g := run[T]{f: f}
	return g.finish(src.Each(ctx, g.emit))
}

// EachLent is Each for an f that does not keep the chunk after it returns.
func EachLent(ctx context.Context, src stream.Source[[]byte], f func([]byte) error) error {
	g := run[[]byte]{f: f}
	return g.finish(stream.EachLent(early.Detached(ctx), src, g.emit))
}

// run is one run.
type run[T any] struct {
	f   func(T) error
	err error
}

func (g *run[T]) emit(v T) error {
	if g.err == nil {
		g.err = g.f(v)
	}
	return g.err
}

// end returns the error of a run whose source returned err.
func (g *run[T]) finish(err error) error {
	if err == nil {
		err = g.err
	}
	return err
}
