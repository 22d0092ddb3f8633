package stream

import "context"

// Source emits a sequence of elements.
type Source[T any] interface {
	// Each runs the source: it calls emit once for every element, in order, on the goroutine of the
	// caller. It returns nil when the sequence is complete. If emit fails, Each stops and returns
	// that error, unwrapped. When ctx is cancelled, Each returns context.Cause(ctx) within a
	// second. Nothing that it started still runs when it returns.
	Each(ctx context.Context, emit func(T) error) error
}

// Flow turns one source into another.
type Flow[I, O any] interface {
	// Apply returns the source that emits the output of the flow for src. It starts nothing.
	Apply(src Source[I]) Source[O]
}

// Sink consumes a source and returns one result.
type Sink[T, R any] interface {
	// Consume runs src to its end and returns one result for all elements. It publishes its work
	// only after src has returned nil. On any error, it leaves nothing that looks finished.
	Consume(ctx context.Context, src Source[T]) (R, error)
}

// SourceFunc adapts a function to [Source].
type SourceFunc[T any] func(ctx context.Context, emit func(T) error) error

// Each calls f.
func (f SourceFunc[T]) Each(ctx context.Context, emit func(T) error) error { return f(ctx, emit) }

// FlowFunc adapts a function to [Flow].
type FlowFunc[I, O any] func(src Source[I]) Source[O]

// Apply calls f.
func (f FlowFunc[I, O]) Apply(src Source[I]) Source[O] { return f(src) }

// NewFlow returns a flow whose runs call f. f runs src, which is never nil, and calls emit for each
// element of its output:
//
//	stream.NewFlow(func(ctx context.Context, src stream.Source[int], emit func(int) error) error {
//		return src.Each(ctx, func(v int) error { return emit(2 * v) })
//	})
//
// f must keep the rules of [Source.Each]. Variables that f declares belong to one run.
func NewFlow[I, O any](f func(ctx context.Context, src Source[I], emit func(O) error) error) Flow[I, O] {
	if f == nil {
		return invalid[I, O]("NewFlow: the function is nil")
	}
	return FlowFunc[I, O](func(src Source[I]) Source[O] {
		if src == nil {
			return Fail[O](errNilSource)
		}
		return SourceFunc[O](func(ctx context.Context, emit func(O) error) error { return f(ctx, src, emit) })
	})
}

// SinkFunc adapts a function to [Sink].
type SinkFunc[T, R any] func(ctx context.Context, src Source[T]) (R, error)

// Consume calls f.
func (f SinkFunc[T, R]) Consume(ctx context.Context, src Source[T]) (R, error) { return f(ctx, src) }

// Run runs src into sink on the caller's goroutine and returns the sink's result once every stage
// has ended.
//
//   - Result: with an error, what the sink documents: the zero value or a partial result, such as a
//     count.
//   - Errors: the first true cause, as the stage reported it. If ctx is done before the start, Run
//     returns its cause and starts nothing.
//   - Panics of a stage or of a user's function surface here as a [*PanicError], with the value and
//     the original stack, after every stage has cleaned up. runtime.Goexit ends the caller's
//     goroutine in the same way.
//   - Memory: with a [Budget], the run waits until the budget has what its stages need.
func Run[T, R any](ctx context.Context, src Source[T], sink Sink[T, R]) (R, error) {
	ctx, reserved, err := enterRun(ctx)
	if err != nil {
		var none R
		return none, err
	}
	defer reserved.leave()
	result, err := consume(ctx, src, sink)
	return result, reserved.reason(err)
}

// consume runs src into sink with the checks of [Run], but as a part of the run of ctx.
func consume[T, R any](ctx context.Context, src Source[T], sink Sink[T, R]) (R, error) {
	var none R
	if src == nil {
		return none, errNilSource
	}
	if sink == nil {
		return none, errNilSink
	}
	if ctx.Err() != nil {
		return none, context.Cause(ctx)
	}
	defer carryPanic()
	return sink.Consume(ctx, src)
}

var (
	errNilSource = invalidError("the source is nil")
	errNilFlow   = invalidError("a flow is nil")
	errNilSink   = invalidError("the sink is nil")
)

// Fail returns a source that emits nothing and ends with err. A stage with invalid settings returns
// such a source, so that the run reports the error before it starts the upstream.
func Fail[T any](err error) Source[T] {
	return SourceFunc[T](func(context.Context, func(T) error) error { return err })
}
