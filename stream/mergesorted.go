package stream

import (
	"cmp"
	"context"
)

// MergeSorted returns a source that merges sources, each sorted by compare, into one sorted
// sequence. Equal elements come in the order of their sources.
//
//   - Memory: one element a source, and a copy of the last one. Slices are copied; what pointers
//     point to is shared, so the downstream must not change what compare reads through them.
//   - Goroutines: none; the sources run as coroutines. To run them concurrently, put an [Async]
//     after each.
//   - Errors: the first error of a source ends the run. So does a source that is not sorted; the
//     error names its index in srcs.
func MergeSorted[T any](compare func(a, b T) int, srcs ...Source[T]) Source[T] {
	if compare == nil {
		return Fail[T](errNilFunc("MergeSorted"))
	}
	if positioned[T]() {
		return Fail[T](errReorders)
	}
	return pullAll(drainAll, srcs, func(ctx context.Context, ps []*pulled[T], emit func(T) error) error {
		h, err := newHeads(ps, compare)
		copied := detacher[T]() // the downstream owns the emitted element and may change it
		for err == nil && len(h.all) > 0 {
			v, index := h.all[0].v, h.all[0].index
			last := copied(v)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := emit(v); err != nil {
				return err
			}
			err = h.advance(func(next T) error {
				if compare(next, last) < 0 {
					return invalidError("MergeSorted: srcs[%d] is not sorted", index)
				}
				return nil
			})
		}
		return err
	})
}

// MergeSequence returns a source that merges sources whose elements are numbered 0, 1, 2, and so
// on, into the order of these numbers. number returns the number of an element. The elements of one
// source must ascend.
//
// A drain of the run does not end the sources, because they are parts of one whole.
//
//   - Memory: one element a source.
//   - Goroutines: none; the sources run as coroutines. To run them concurrently, as for downloads
//     of ranges, put an [Async] after each.
//   - Errors: the first error of a source ends the run. So does a number that is missing or occurs
//     twice.
func MergeSequence[T any](number func(T) int64, srcs ...Source[T]) Source[T] {
	if number == nil {
		return Fail[T](errNilFunc("MergeSequence"))
	}
	if positioned[T]() {
		return Fail[T](errReorders)
	}
	return pullAll(drainNone, srcs, func(ctx context.Context, ps []*pulled[T], emit func(T) error) error {
		h, err := newHeads(ps, func(a, b T) int { return cmp.Compare(number(a), number(b)) })
		for want := int64(0); err == nil && len(h.all) > 0; want++ {
			v := h.all[0].v
			if number(v) != want {
				return invalidError("MergeSequence: no source has number %d next", want)
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := emit(v); err != nil {
				return err
			}
			err = h.advance(nil)
		}
		return err
	})
}
