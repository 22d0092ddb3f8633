package source

import (
	"context"
	"errors"
	"iter"
	"reflect"

	"github.com/millweir/millweir/internal/watch"
	"github.com/millweir/millweir/stream"
)

// Cycle returns a source that repeats the elements of seq. It never completes: end it with
// [stream.Take], a drain or the context. Every run starts from the beginning of seq. If seq yields
// nothing, the run fails, because it would never emit or end.
func Cycle[T any](seq iter.Seq[T]) stream.Source[T] {
	if seq == nil {
		return stream.Fail[T](errors.New("source: Cycle: the sequence is nil"))
	}
	return stream.SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
		w := watch.Source(ctx)
		defer w.End()
		for {
			empty := true
			for x := range seq {
				empty = false
				if w.Check.Load() && w.Done() {
					return context.Cause(ctx)
				}
				if err := emit(x); err != nil {
					return err
				}
			}
			switch {
			case w.Done():
				return context.Cause(ctx)
			case empty:
				return errors.New("source: Cycle: the sequence is empty")
			}
		}
	})
}

// Repeat returns a source that emits v again and again. It never completes: end it with
// [stream.Take], a drain or the context. A byte slice is copied for every emit. Other values are
// emitted without a copy, and share what they point to.
func Repeat[T any](v T) stream.Source[T] {
	return stream.SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
		clone := copier[T]()
		w := watch.Source(ctx)
		defer w.End()
		for !(w.Check.Load() && w.Done()) {
			x := v
			if clone != nil {
				x = clone(v)
			}
			if err := emit(x); err != nil {
				return err
			}
		}
		return context.Cause(ctx)
	})
}

// copier returns a function that copies a byte slice, or nil if T is not one.
func copier[T any]() func(T) T {
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Slice || t.Elem().Kind() != reflect.Uint8 {
		return nil
	}
	return func(v T) T {
		p := reflect.ValueOf(v).Bytes()
		return reflect.ValueOf(append(make([]byte, 0, len(p)), p...)).Convert(t).Interface().(T)
	}
}
