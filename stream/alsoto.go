package stream

import (
	"context"
	"errors"
	"reflect"
)

// sideAhead is the maximum number of elements that wait for a side sink.
const sideAhead = 16

// AlsoTo returns a flow that passes its elements on and also sends each of them to sink. To get
// sink's result, use [OnResult].
//
// The run completes only when sink has finished. sink finishes after the upstream has completed and
// before the downstream sees the end, so if either side has failed by then, the other does not
// publish. If the downstream ends early, sink completes with the elements that have passed. If sink
// ends early, the downstream goes on without it.
//
//   - Memory: up to 16 elements in addition to what sink holds. If the elements are byte slices,
//     sink gets copies; other elements are shared.
//   - Order and goroutines: the order is kept; one goroutine runs sink, and has ended when the run
//     returns.
//   - Errors: an error of sink ends the run, and an error of the run ends sink.
func AlsoTo[T, R any](sink Sink[T, R]) Flow[T, T] {
	clone := cloner[T]()
	return toSide("AlsoTo", sink, func(v T, side, on func(T) error) error {
		if err := side(clone(v)); err != nil {
			return err
		}
		return on(v)
	})
}

// DivertTo returns a flow that sends the elements for which divert is true to sink and passes the
// others on. For example, it writes rejected documents to a separate file. To get sink's result,
// use [OnResult].
//
// Completion, memory, goroutines and errors are those of [AlsoTo]. If sink ends early, later
// elements that would go to it are dropped.
func DivertTo[T, R any](sink Sink[T, R], divert func(T) bool) Flow[T, T] {
	if divert == nil {
		return invalid[T, T]("DivertTo: the function is nil")
	}
	return toSide("DivertTo", sink, func(v T, side, on func(T) error) error {
		if divert(v) {
			return side(v)
		}
		return on(v)
	})
}

// toSide returns a flow with a side sink. route sends an element to the side, on to the downstream,
// or to both.
func toSide[T, R any](name string, sink Sink[T, R],
	route func(v T, side, on func(T) error) error,
) Flow[T, T] {
	if sink == nil {
		return invalid[T, T]("%s: the sink is nil", name)
	}
	return NewFlow(func(ctx context.Context, src Source[T], emit func(T) error) error {
		g, sideCtx, ctx, release := newSideGroup(ctx)
		defer release()
		open, leave := context.WithCancelCause(ctx) // cancelled when sink has finished
		q := newRing[T](sideAhead)
		g.Go(func() (err error) {
			_, err = consume(inBranch(sideCtx), q.source(), sink)
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
		return besideSink(ctx, g, q, src, func(v T) error { return route(v, side, emit) })
	})
}

// besideSink runs src into emit, as the main stream of a stage whose side sink, in g, reads q. If
// src completes or the downstream ends early, the side sink completes too, and besideSink returns
// after it.
func besideSink[T any](ctx context.Context, g *Group, q *ring[T], src Source[T], emit func(T) error) error {
	var early error // set if the downstream ended early
	err := g.Do(func() error {
		err := src.Each(ctx, emit)
		if isStop(err) {
			early, err = err, nil
		}
		if err == nil {
			q.end()
		}
		return err
	})
	if err == nil {
		err = early
	}
	return err
}

var errLeft = errors.New("stream: the sink has had enough")

// cloner returns a function that makes an element for a second receiver: a copy of a byte slice,
// any other element unchanged.
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

// byteSlices reports whether the elements of type t are byte slices.
func byteSlices(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8
}
