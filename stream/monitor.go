package stream

import (
	"context"
	"reflect"
)

// Monitor returns a flow that passes its elements on, and counts and times them in s: how many there were and how many bytes, how
// long the run waited for its upstream and how long it was blocked on its downstream. Fused; it holds no element.
//
// Counts are exact at any moment. Of elements that follow one another within 4 µs only a random few, one in 16 at least, have their time taken,
// which stands for the others; slower ones are timed one by one. docs/performance.md says what that costs.
func Monitor[T any](s *Stats) Flow[T, T] {
	if s == nil {
		return invalid[T, T]("Monitor: the stats are nil")
	}
	return FlowFunc[T, T](func(src Source[T]) Source[T] { return observe(&s.out, src) })
}

// Measure returns flow with a monitor on both its sides: beside what [Monitor] says of its output, s says what the flow took in, and
// its own time: how long it held up its upstream without being held up by its downstream. That of a flow which works on several
// goroutines is time that the run lost to it, not the time they worked.
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

// observe is src with what it emits counted and timed at p.
func observe[T any](p *place, src Source[T]) Source[T] {
	size, sized := sizer[T](), byteSlices(reflect.TypeFor[T]())
	return SourceFunc[T](func(ctx context.Context, emit func(T) error) (err error) {
		v := p.visit()
		defer func() { v.end(err) }()
		err = errUnfinished // what a panic leaves
		err = src.Each(ctx, func(e T) error {
			n := 0
			if sized { // no call for elements without bytes
				n = size(e) // now: the element is not ours afterwards
			}
			v.enter()
			if err := emit(e); err != nil {
				return err
			}
			v.leave(n)
			return nil
		})
		return err
	})
}

// sizer returns the function that measures an element: the length of a byte slice, 0 for anything else.
func sizer[T any]() func(T) int {
	if size, ok := any(func(p []byte) int { return len(p) }).(func(T) int); ok {
		return size // []byte itself needs no conversion for each element
	}
	if !byteSlices(reflect.TypeFor[T]()) {
		return func(T) int { return 0 }
	}
	return func(v T) int { return reflect.ValueOf(v).Len() }
}
