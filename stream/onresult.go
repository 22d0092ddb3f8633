package stream

import "context"

// OnResult returns a sink that runs its input into sink, and calls f with the result if sink has
// completed without an error. Use it with stages that take a sink and drop its result, such as
// [AlsoTo].
//
// f is called on the goroutine that runs the sink, before the run returns. The result of the sink
// says nothing about the rest of the run, which may still fail.
func OnResult[T, R any](sink Sink[T, R], f func(R)) Sink[T, R] {
	return SinkFunc[T, R](func(ctx context.Context, src Source[T]) (R, error) {
		var none R
		switch {
		case sink == nil:
			return none, errNilSink
		case f == nil:
			return none, errNilFunc("OnResult")
		}
		r, err := consume(ctx, src, sink)
		if err == nil {
			f(r)
		}
		return r, err
	})
}
