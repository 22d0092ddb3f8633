package stream

import "context"

// SliceSource is an optional interface of a [Source] that can emit several elements together. That
// saves its downstream a call, a lock or an atomic store for each element. EachSlice does what Each
// does, with non-empty slices. It never waits for an element to make a slice longer.
//
// take may read the slice only until it returns, but it owns the elements in it, as with Each. A
// take that does more than copy the elements must check ctx between two of them. Fused stages in
// between, such as [Map], pass on elements one by one, because an element must not wait while a
// function handles the next one.
type SliceSource[T any] interface {
	Source[T]
	EachSlice(ctx context.Context, take func([]T) error) error
}

// receiver is the downstream of one run. It takes elements one by one or, if many is set, many at
// once.
type receiver[T any] struct {
	one  func(T) error
	many func([]T) error
}

// sliceSource adapts a function to [SliceSource].
type sliceSource[T any] func(ctx context.Context, to receiver[T]) error

func (f sliceSource[T]) Each(ctx context.Context, emit func(T) error) error {
	return f(ctx, receiver[T]{one: emit})
}

func (f sliceSource[T]) EachSlice(ctx context.Context, take func([]T) error) error {
	return f(ctx, receiver[T]{many: take})
}

// pour runs src into to, with the checks of [Run]. to.one must be set, even if to.many is.
func pour[T any](ctx context.Context, src Source[T], to receiver[T]) error {
	s, ok := src.(SliceSource[T])
	switch {
	case !ok || to.many == nil:
		return each(ctx, src, to.one)
	case stopped(ctx):
		return context.Cause(ctx)
	}
	return s.EachSlice(ctx, to.many)
}
