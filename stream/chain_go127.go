//go:build go1.27

package stream

import "context"

// Chain is a source with the verbs of a pipeline as methods, for method chaining (Go 1.27 and
// later):
//
//	result, err := stream.From(src).Via(f).Via(g).Run(ctx, sink)
type Chain[T any] struct{ src Source[T] }

// From begins a chain with src.
func From[T any](src Source[T]) Chain[T] { return Chain[T]{src} }

// Via continues the chain with f, as the function [Via] does.
func (c Chain[T]) Via[U any](f Flow[T, U]) Chain[U] { return Chain[U]{Via(c.src, f)} }

// Run runs the chain into sink, as [Run] does.
func (c Chain[T]) Run[R any](ctx context.Context, sink Sink[T, R]) (R, error) {
	return Run(ctx, c.src, sink)
}

// Source returns the chain as a source.
func (c Chain[T]) Source() Source[T] { return c.src }
