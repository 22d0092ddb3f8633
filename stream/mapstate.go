package stream

import "context"

// MapState returns a flow that carries a state through each run. start returns the initial state,
// and f maps the state and an element to one output. end may be nil; it is called when the upstream
// has completed, and may emit one more element.
//
//   - Memory: the state.
//   - Errors: an error of f or end ends the run, unchanged.
func MapState[S, T, U any](
	start func() S,
	f func(state *S, v T) (U, error),
	end func(state *S) (last U, ok bool, err error),
) Flow[T, U] {
	if start == nil || f == nil {
		return invalid[T, U]("MapState: a function is nil")
	}
	return withState(start, func(s *S, v T, emit func(U) error) error {
		u, err := f(s, v)
		if err != nil {
			return err
		}
		return emit(u)
	}, func(s *S, emit func(U) error) error {
		if end == nil {
			return nil
		}
		u, ok, err := end(s)
		if err != nil || !ok {
			return err
		}
		return emit(u)
	})
}

// FlatMapState is [MapState] for functions that call emit any number of times. They must return an
// error of emit unchanged.
func FlatMapState[S, T, U any](
	start func() S,
	f func(state *S, v T, emit func(U) error) error,
	end func(state *S, emit func(U) error) error,
) Flow[T, U] {
	if start == nil || f == nil {
		return invalid[T, U]("FlatMapState: a function is nil")
	}
	if end == nil {
		end = func(*S, func(U) error) error { return nil }
	}
	return withState(start, f, end)
}

func withState[S, T, U any](
	start func() S,
	f func(*S, T, func(U) error) error,
	end func(*S, func(U) error) error,
) Flow[T, U] {
	return NewFlow(func(ctx context.Context, src Source[T], emit func(U) error) error {
		state := start()
		if err := src.Each(ctx, func(v T) error { return f(&state, v, emit) }); err != nil {
			return err
		}
		return end(&state, emit)
	})
}
