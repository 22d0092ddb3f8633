package stream

import (
	"context"
	"errors"
	"reflect"
)

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
	if sink == nil {
		return invalid[T, T]("AlsoTo: the sink is nil")
	}
	own := cloner[T]()
	return FlowFunc[T, T](func(src Source[T]) Source[T] {
		return SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
			result, early, err := alsoTo(ctx, src, sink, own, emit)
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

// alsoTo runs src into both emit and sink. early is the downstream's wish to stop.
func alsoTo[T, R any](ctx context.Context, src Source[T], sink Sink[T, R], own func(T) T, emit func(T) error) (result R, early, err error) {
	g, ctx := NewGroup(ctx)
	side, leave := context.WithCancelCause(ctx)
	q := newRing[T](16)
	g.Go(func() (err error) {
		result, err = Run(ctx, q.source(), sink)
		if err == nil {
			leave(errLeft)
		}
		return err
	})
	err = g.Do(func() error {
		left := false
		err := src.Each(ctx, func(v T) error {
			if !left {
				switch err := q.push(side, own(v)); {
				case errors.Is(err, errLeft):
					left = true
				case err != nil:
					return err
				}
			}
			return emit(v)
		})
		if Stopped(err) {
			early, err = err, nil
		}
		if err == nil {
			q.end()
		}
		return err
	})
	return result, early, err
}

var errLeft = errors.New("stream: the sink has had enough")

// cloner returns the function that makes an element for a second receiver: a copy of a byte slice, anything else as it is.
func cloner[T any]() func(T) T {
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Slice || t.Elem().Kind() != reflect.Uint8 {
		return func(v T) T { return v }
	}
	return func(v T) T {
		p := reflect.ValueOf(v).Bytes()
		return reflect.ValueOf(append(make([]byte, 0, len(p)), p...)).Convert(t).Interface().(T)
	}
}
