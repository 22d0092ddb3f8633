// Package guarded runs a source into a stage that remembers its own error, so that a source that hides it does not make a run that
// failed look like one that is complete.
package guarded

import (
	"context"

	"github.com/millweir/millweir/stream"
)

// Each runs src into f. It fails when f failed, also where src hides it; f is not called again then.
func Each[T any](ctx context.Context, src stream.Source[T], f func(T) error) error {
	g := guard[T]{f: f}
	return g.end(src.Each(ctx, g.emit))
}

// EachLent is Each for an f that is done with a chunk when it returns.
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

// end returns the error of a run of which the source says err.
func (g *guard[T]) end(err error) error {
	if err == nil {
		err = g.failed
	}
	return err
}
