package stream

import "context"

// MapState returns a flow that emits f(state, v) for each element v. start returns the state at the
// beginning of each run.
//
//   - Memory: the state.
//   - Errors: an error of f ends the run, unchanged.
func MapState[S, T, U any](start func() S, f func(state *S, v T) (U, error)) Flow[T, U] {
	if start == nil || f == nil {
		return invalid[T, U]("MapState: a function is nil")
	}
	return withState(start, func(s *S, v T, emit func(U) error) error {
		u, err := f(s, v)
		if err != nil {
			return err
		}
		return emit(u)
	}, endsSilently[S, U])
}

// FlatMapState is [MapState] for functions that call emit any number of times. end is called when
// the upstream has completed; nil emits nothing there. Both functions must return an error of emit
// unchanged.
func FlatMapState[S, T, U any](
	start func() S,
	f func(state *S, v T, emit func(U) error) error,
	end func(state *S, emit func(U) error) error,
) Flow[T, U] {
	if start == nil || f == nil {
		return invalid[T, U]("FlatMapState: a function is nil")
	}
	if end == nil {
		end = endsSilently
	}
	return withState(start, f, end)
}

// endsSilently emits nothing at the end of a run.
func endsSilently[S, U any](*S, func(U) error) error { return nil }

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
