package stream

import (
	"context"
	"reflect"
	"sync/atomic"
)

// Stats counts what passes a [Monitor]. The zero value is ready to use; any goroutine may read it while the run goes on. Several
// monitors, in one run or in many, may share one: it then holds the sum.
type Stats struct {
	elements, bytes atomic.Int64
}

// Elements returns how many elements the downstream has accepted.
func (s *Stats) Elements() int64 { return s.elements.Load() }

// Bytes returns the sum of their lengths, where elements are byte slices; else 0.
func (s *Stats) Bytes() int64 { return s.bytes.Load() }

// Monitor returns a flow that counts in s the elements that its downstream accepted, and passes them on. Fused; it holds no element.
func Monitor[T any](s *Stats) Flow[T, T] {
	if s == nil {
		return invalid[T, T]("Monitor: the stats are nil")
	}
	size := sizer[T]()
	return FlowFunc[T, T](func(src Source[T]) Source[T] {
		return SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
			return src.Each(ctx, func(v T) error {
				n := size(v) // now: the element is not ours afterwards
				if err := emit(v); err != nil {
					return err
				}
				s.elements.Add(1)
				if n != 0 {
					s.bytes.Add(int64(n))
				}
				return nil
			})
		})
	})
}

// sizer returns the function that measures an element: the length of a byte slice, 0 for anything else.
func sizer[T any]() func(T) int {
	var none T
	t := reflect.TypeFor[T]()
	switch {
	case t.Kind() != reflect.Slice || t.Elem().Kind() != reflect.Uint8:
		return func(T) int { return 0 }
	case isBytes(any(none)):
		return func(v T) int { return len(any(v).([]byte)) }
	default:
		return func(v T) int { return reflect.ValueOf(v).Len() }
	}
}

func isBytes(v any) bool { _, ok := v.([]byte); return ok }
