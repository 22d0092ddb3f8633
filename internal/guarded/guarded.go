// Package guarded runs a source into a stage and remembers the stage's error, so that a source that
// hides this error does not make a failed run look complete.
package guarded

import (
	"context"

	"github.com/millweir/millweir/stream"
)

// Each runs src into f. If f fails, Each fails, even if src hides the error, and does not call f
// again.
func Each[T any](ctx context.Context, src stream.Source[T], f func(T) error) error {
	g := guard[T]{f: f}
	return g.end(src.Each(ctx, g.emit))
}

// EachLent is Each for an f that does not keep the chunk after it returns.
func EachLent(ctx context.Context, src stream.Source[[]byte], f func([]byte) error) error {
	g := guard[[]byte]{f: f}
	return g.end(stream.EachLent(ctx, src, g.emit))
}

// guard is one run.
type guard[T any] struct {
	f      func(T) error
	failed error
}

func (g *guard[T]) emit(v T) error {
	if g.failed == nil {
		g.failed = g.f(v)
	}
	return g.failed
}

// end returns the error of a run whose source returned err.
func (g *guard[T]) end(err error) error {
	if err == nil {
		err = g.failed
	}
	return err
}
