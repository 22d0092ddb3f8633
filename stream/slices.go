package stream

import "context"

// SliceSource is what a source may be, too: one that hands on at once all the elements that it has at hand, which saves its
// downstream a call, a lock or an atomic store for each. EachSlice does what Each does, with slices of which none is empty. It
// never waits for an element to make a slice longer.
//
// take reads a slice, and is done with it when it returns; the elements in it are take's for good, as they are with Each. A take
// that does more with them than to copy asks ctx between two of them. Stages in between that are fused, as [Map], hand on
// elements one by one, for an element must not wait for what a function does with the next one.
type SliceSource[T any] interface {
	Source[T]
	EachSlice(ctx context.Context, take func([]T) error) error
}

// receiver is the downstream of one run: it takes elements one by one or, where many is set, many at once.
type receiver[T any] struct {
	one  func(T) error
	many func([]T) error
}

// sliceSource is a function as a [SliceSource].
type sliceSource[T any] func(ctx context.Context, to receiver[T]) error

func (f sliceSource[T]) Each(ctx context.Context, emit func(T) error) error {
	return f(ctx, receiver[T]{one: emit})
}

func (f sliceSource[T]) EachSlice(ctx context.Context, take func([]T) error) error {
	return f(ctx, receiver[T]{many: take})
}

// pour runs src into to, whose one is set as well, with the checks of [Run].
func pour[T any](ctx context.Context, src Source[T], to receiver[T]) error {
	s, ok := src.(SliceSource[T])
	switch {
	case !ok || to.many == nil:
		return each(ctx, src, to.one)
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return s.EachSlice(ctx, to.many)
}
