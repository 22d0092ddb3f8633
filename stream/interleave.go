package stream

import "context"

// Interleave returns a source that emits n elements of each source in turn, until all have
// completed. Sources that have completed are skipped.
//
//   - Memory: one element.
//   - Goroutines: none; the sources run as coroutines.
//   - Errors: the first error of a source ends the run.
func Interleave[T any](n int, srcs ...Source[T]) Source[T] {
	if n < 1 {
		return Fail[T](invalidError("Interleave: %d elements in turn; it must be at least 1", n))
	}
	if positioned[T]() {
		return Fail[T](errReorders)
	}
	return pullAll(drainAll, srcs, func(ctx context.Context, ps []*pulled[T], emit func(T) error) error {
		for left := len(ps); left > 0; {
			left = 0
			for _, p := range ps {
				for range n {
					if p.done {
						break
					}
					v, ok := p.next()
					if !ok {
						if p.err != nil {
							return p.err
						}
						break
					}
					if ctx.Err() != nil {
						return context.Cause(ctx)
					}
					if err := emit(v); err != nil {
						return err
					}
				}
				if !p.done {
					left++
				}
			}
		}
		return nil
	})
}
