package stream

import "context"

// Retry returns a function that calls f and, if it fails, retries it according to b until it
// succeeds. If b is nil, the defaults apply. Use it with [TryMap], [MapParallel], [MapUnordered],
// [MapKeyed] and [Supervise]:
//
//	stream.MapParallel(8, stream.Retry(fetch, &stream.Backoff{MaxElapsed: time.Minute}))
//
// Each element has its own retries. While one waits for a retry, the others proceed.
//
//   - In: f must not change its argument, and must be safe to repeat. An error of class
//     UnknownOutcome means that a repetition is not safe, so Retry returns it at once.
//   - Errors: the error of the last call, unchanged if b does not retry it, wrapped if b has given
//     up. A delay ends at once when the context is done; the deadline of a context is returned with
//     the last failure. With invalid settings every call fails and f is not called.
func Retry[T, U any](f func(context.Context, T) (U, error), b *Backoff) func(context.Context, T) (U, error) {
	settings, err := b.filled("Retry")
	if f == nil {
		err = errNilFunc("Retry")
	}
	if err != nil {
		return func(context.Context, T) (none U, _ error) { return none, err }
	}
	return retrying("Retry", f, settings)
}

func retrying[T, U any](
	name string,
	f func(context.Context, T) (U, error),
	b Backoff,
) func(context.Context, T) (U, error) {
	return func(ctx context.Context, v T) (U, error) {
		failures := failureStreak{Backoff: b, name: name}
		for {
			u, err := f(ctx, v)
			if err == nil {
				return u, nil
			}
			if err = failures.waitToRetry(ctx, err, sleep); err != nil {
				return u, err
			}
		}
	}
}
