package stream

import (
	"context"
	"errors"
	"reflect"
)

// sideAhead is how many elements wait for a side sink at most.
const sideAhead = 16

// AlsoTo returns a flow that passes its elements on and also sends each of them to sink. When sink has finished, done is called
// with its result; done may be nil.
//
// The run completes only when sink has: sink finishes after the upstream completed and before the downstream learns of it, so
// that neither side publishes when the other failed before. An early end of the downstream completes sink with the elements that
// passed; an early end of sink leaves the downstream alone.
//
//   - Memory: up to 16 elements beside what sink keeps. Elements whose type is a byte slice are copied for sink, others are shared.
//   - Order and goroutines: the order is kept; sink runs on one goroutine; it has ended when the run returns.
//   - Errors: an error of sink ends the run, and an error of the run ends sink.
func AlsoTo[T, R any](sink Sink[T, R], done func(R)) Flow[T, T] {
	own := cloner[T]()
	return toSide("AlsoTo", sink, done, func(v T, side, on func(T) error) error {
		if err := side(own(v)); err != nil {
			return err
		}
		return on(v)
	})
}

// DivertTo returns a flow that sends the elements for which divert is true to sink and passes the others on: rejected documents
// to a file of their own. When sink has finished, done is called with its result; done may be nil.
//
// Completion, memory, goroutines and errors are those of [AlsoTo]. Elements that come after an early end of sink are dropped.
func DivertTo[T, R any](sink Sink[T, R], divert func(T) bool, done func(R)) Flow[T, T] {
	if divert == nil {
		return invalid[T, T]("DivertTo: the function is nil")
	}
	return toSide("DivertTo", sink, done, func(v T, side, on func(T) error) error {
		if divert(v) {
			return side(v)
		}
		return on(v)
	})
}

// toSide returns a flow with a sink beside it; route sends an element to the side, on, or both.
func toSide[T, R any](name string, sink Sink[T, R], done func(R), route func(v T, side, on func(T) error) error) Flow[T, T] {
	if sink == nil {
		return invalid[T, T]("%s: the sink is nil", name)
	}
	return FlowFunc[T, T](func(src Source[T]) Source[T] {
		return SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
			var result R
			var early error // the downstream's wish to stop
			g, aside, ctx, release := newAside(ctx)
			defer release()
			open, leave := context.WithCancelCause(ctx) // done when sink is
			q := newRing[T](sideAhead)
			g.Go(func() (err error) {
				result, err = Run(aside, q.source(), sink)
				if err == nil {
					leave(errLeft)
				}
				return err
			})
			side := func(v T) error {
				if err := q.push(open, v); !errors.Is(err, errLeft) {
					return err
				}
				return nil
			}
			err := g.Do(func() error {
				err := src.Each(ctx, func(v T) error { return route(v, side, emit) })
				if isStop(err) {
					early, err = err, nil
				}
				if err == nil {
					q.end()
				}
				return err
			})
			if err == nil && done != nil {
				done(result)
			}
			if err == nil {
				err = early
			}
			return err
		})
	})
}

var errLeft = errors.New("stream: the sink has had enough")

// cloner returns the function that makes an element for a second receiver: a copy of a byte slice, anything else as it is.
func cloner[T any]() func(T) T {
	t := reflect.TypeFor[T]()
	if !byteSlices(t) {
		return func(v T) T { return v }
	}
	return func(v T) T {
		p := reflect.ValueOf(v).Bytes()
		return reflect.ValueOf(append(make([]byte, 0, len(p)), p...)).Convert(t).Interface().(T)
	}
}

// byteSlices tells whether the elements of type t are byte slices.
func byteSlices(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8
}
