package stream

import "context"

// CombineLatest returns a source that runs the given sources at the same time. Whenever one emits,
// it emits a new slice with the latest element of each. It begins when each source has emitted one
// element, and completes when all have completed.
//
//   - Memory: one element per source, and up to 64 waiting elements per source. No element is
//     skipped, even if the next one follows at once.
//   - Order and goroutines: one goroutine per source; all have ended when the run returns.
//   - Errors: the first error of a source ends the run and the other sources.
func CombineLatest[T any](srcs ...Source[T]) Source[[]T] {
	tagged := make([]Source[Pair[int, T]], len(srcs))
	for i, src := range srcs {
		if src == nil {
			return Fail[[]T](errNilSource)
		}
		tagged[i] = Via(src, Map(func(v T) Pair[int, T] { return Pair[int, T]{i, v} }))
	}
	type state struct {
		latest []T
		seen   []bool
		unseen int
	}
	return Via(Merge(tagged...), withState(func() *state {
		return &state{make([]T, len(srcs)), make([]bool, len(srcs)), len(srcs)}
	}, func(s **state, v Pair[int, T], emit func([]T) error) error {
		st, i := *s, v.First
		st.latest[i] = v.Second
		if !st.seen[i] {
			st.seen[i] = true
			st.unseen--
		}
		if st.unseen > 0 {
			return nil
		}
		return emit(append([]T(nil), st.latest...))
	}, func(**state, func([]T) error) error { return nil }))
}

// ZipLatest is [CombineLatest] for two sources of different types.
func ZipLatest[A, B any](a Source[A], b Source[B]) Source[Pair[A, B]] {
	if a == nil || b == nil {
		return Fail[Pair[A, B]](errNilSource)
	}
	either := CombineLatest(
		Via(a, Map(func(v A) any { return v })),
		Via(b, Map(func(v B) any { return v })),
	)
	return Via(either, Map(func(vs []any) Pair[A, B] {
		x, _ := vs[0].(A) // if A is an interface type, nil stays nil
		y, _ := vs[1].(B)
		return Pair[A, B]{x, y}
	}))
}

// Unzip returns a sink that sends each half of a pair to its own sink. Its result is the pair of
// their results. The slower sink sets the pace.
//
//   - Memory: up to 32 elements in addition to what the sinks hold.
//   - Goroutines: one per sink; both have ended when the run returns.
//   - Errors: the first error of either sink ends the run and the other sink. If one sink ends
//     early, the other goes on; the upstream is stopped when both have ended.
func Unzip[A, B, X, Y any](first Sink[A, X], second Sink[B, Y]) Sink[Pair[A, B], Pair[X, Y]] {
	return SinkFunc[Pair[A, B], Pair[X, Y]](func(ctx context.Context,
		src Source[Pair[A, B]],
	) (both Pair[X, Y], err error) {
		if first == nil || second == nil {
			return both, errNilSink
		}
		open := newCountdown(ctx, 2)
		defer open.cancel(nil)
		one := leaving(open, OnResult(Into(Map(func(p Pair[A, B]) A {
			return p.First
		}), first), func(x X) { both.First = x }))
		other := leaving(open, OnResult(Into(Map(func(p Pair[A, B]) B {
			return p.Second
		}), second), func(y Y) { both.Second = y }))
		// Both are side sinks, so that either may end early.
		sides := Via2(src, AlsoTo(one), AlsoTo(other))
		err = runOpen(open, sides, receiver[Pair[A, B]]{one: func(Pair[A, B]) error { return nil }}, func() {})
		return both, err
	})
}

// leaving returns sink with a notification: it calls open.leave when sink has completed.
func leaving[T, R any](open *countdown, sink Sink[T, R]) Sink[T, R] {
	return SinkFunc[T, R](func(ctx context.Context, src Source[T]) (R, error) {
		r, err := sink.Consume(ctx, src)
		if err == nil {
			open.leave()
		}
		return r, err
	})
}
