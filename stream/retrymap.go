package stream

import "context"

// Retry returns a function that calls f, again when it fails, as b says (nil for the defaults), until it does well: for [TryMap],
// [MapUnordered], [MapKeyed] and [Supervise]. For [MapN] there is [RetryMap].
//
//   - f leaves the element as it is, for it may be called with it again, and can be repeated: an error of class UnknownOutcome is
//     one of a call that may not, and is not tried again.
//   - Errors: that of the last call, as it is when b does not want it tried again, wrapped when b gave up. A wait ends at once when
//     the context is done. Bad settings are the error of each call; f is not called then.
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

// RetryMap returns a flow that emits f of each element, in the order of the elements, with up to n calls of f at once, and calls
// f again when it fails: [MapN] with [Retry], whose rules are those of f.
//
//	stream.RetryMap(8, fetch, &stream.Backoff{MaxElapsed: time.Minute})
//
// Memory, order, goroutines: those of MapN. Each element has its own row of retries; while one waits, n-1 others go on.
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

func retrying[T, U any](name string, f func(context.Context, T) (U, error), b Backoff) func(context.Context, T) (U, error) {
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
