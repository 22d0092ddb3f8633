package stream

import "context"

// Retry returns a function that calls f and, if it fails, calls it again as b says, until it
// succeeds. If b is nil, the defaults apply. Use it with [TryMap], [MapUnordered], [MapKeyed] and
// [Supervise]; for [MapParallel] there is [RetryMap].
//
//   - In: f must not change its argument, and must be safe to repeat. An error of class
//     UnknownOutcome means that a repetition is not safe, so Retry returns it at once.
//   - Errors: the error of the last call: as it is if b does not retry it, wrapped if b has given
//     up. A delay ends at once when the context is done. With invalid settings every call fails and
//     f is not called.
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

// RetryMap returns a flow that emits f(ctx, v) for each element v, in order, with up to n
// concurrent calls of f, and calls f again if it fails. It is [MapParallel] with [Retry], whose rules
// apply to f.
//
//	stream.RetryMap(8, fetch, &stream.Backoff{MaxElapsed: time.Minute})
//
// Each element has its own retries. While one waits for a retry, n-1 others proceed. Memory and
// goroutines are as in MapParallel.
func RetryMap[T, U any](n int, f func(context.Context, T) (U, error), b *Backoff) Flow[T, U] {
	settings, err := b.filled("RetryMap")
	if f == nil {
		err = errNilFunc("RetryMap")
	}
	if err != nil {
		return failFlow[T, U](err)
	}
	return mapParallel("RetryMap", n, true, retrying("RetryMap", f, settings))
}

func retrying[T, U any](
	name string,
	f func(context.Context, T) (U, error),
	b Backoff,
) func(context.Context, T) (U, error) {
	return func(ctx context.Context, v T) (U, error) {
		tries := row{Backoff: b, name: name}
		for {
			u, err := f(ctx, v)
			if err == nil {
				return u, nil
			}
			if err = tries.again(ctx, err, sleep); err != nil {
				return u, err
			}
		}
	}
}
