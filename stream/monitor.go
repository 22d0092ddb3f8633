package stream

import (
	"context"
	"reflect"
)

// Monitor returns a flow that passes its elements on and records in s their number, their bytes,
// the time that the run waited for its upstream, and the time that its downstream blocked it.
//
// Counts are exact at any moment. Times are sampled if elements follow each other within 4 µs: then
// on average at least one in 16 elements, chosen at random, is timed and stands for the others.
// Slower elements are timed one by one. docs/performance.md has the costs.
func Monitor[T any](s *Stats) Flow[T, T] {
	if s == nil {
		return invalid[T, T]("Monitor: the stats are nil")
	}
	return FlowFunc[T, T](func(src Source[T]) Source[T] { return observe(&s.out, src) })
}

// MonitorBytes is [Monitor] for a stream of byte chunks.
func MonitorBytes(s *Stats) Flow[[]byte, []byte] {
	if s == nil {
		return invalid[[]byte, []byte]("MonitorBytes: the stats are nil")
	}
	return Monitor[[]byte](s)
}

// Measure returns flow with a monitor on both its sides. In addition to what [Monitor] reports
// about flow's output, s reports flow's input and its own time: how long it blocked its upstream
// while its downstream did not block it. For a flow with several goroutines, this is the time by
// which it delayed the run, not the working time of its goroutines.
func Measure[T, U any](s *Stats, flow Flow[T, U]) Flow[T, U] {
	switch {
	case s == nil:
		return invalid[T, U]("Measure: the stats are nil")
	case flow == nil:
		return invalid[T, U]("Measure: the flow is nil")
	}
	return FlowFunc[T, U](func(src Source[T]) Source[U] {
		return observe(&s.out, flow.Apply(observe(&s.in, src)))
	})
}

// observe returns src, with its elements counted and timed in m.
func observe[T any](m *meter, src Source[T]) Source[T] {
	size, sized := sizer[T](), byteSlices(reflect.TypeFor[T]())
	return SourceFunc[T](func(ctx context.Context, emit func(T) error) (err error) {
		run := m.begin()
		defer func() { run.end(err) }()
		err = errUnfinished // the error if Each panics
		err = src.Each(ctx, func(e T) error {
			n := 0
			if sized { // avoids the call for elements without bytes
				n = size(e) // before emit: after it, the element belongs to the downstream
			}
			run.enter()
			if err := emit(e); err != nil {
				return err
			}
			run.accept(n)
			return nil
		})
		return err
	})
}

// sizer returns the function that measures an element: the length of a byte slice, and 0 for other
// types.
func sizer[T any]() func(T) int {
	if size, ok := any(func(p []byte) int { return len(p) }).(func(T) int); ok {
		return size // []byte itself needs no reflection
	}
	if !byteSlices(reflect.TypeFor[T]()) {
		return func(T) int { return 0 }
	}
	return func(v T) int { return reflect.ValueOf(v).Len() }
}
