package stream

import "context"

// TakeWhile returns a flow that emits elements as long as keep is true. It drops the first element
// for which keep is false and stops the upstream, which is not an error.
func TakeWhile[T any](keep func(T) bool) Flow[T, T] {
	if keep == nil {
		return invalid[T, T]("TakeWhile: the function is nil")
	}
	return fuseStop(func(_ context.Context, enough error, emit func(T) error) func(T) error {
		return func(v T) error {
			if !keep(v) {
				return enough
			}
			return emit(v)
		}
	})
}

// fuseStop is fuse for a handler that returns enough to end early.
func fuseStop[T, U any](handler func(ctx context.Context, enough error, emit func(U) error) func(T) error) Flow[T, U] {
	return NewFlow(func(ctx context.Context, src Source[T], emit func(U) error) error {
		s := new(stop)
		return without(src.Each(ctx, handler(ctx, s, emit)), s)
	})
}
