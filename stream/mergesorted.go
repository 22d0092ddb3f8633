package stream

import "context"

// MergeSorted returns a source that merges sources, each sorted by compare, into one sorted
// sequence. Equal elements come in the order of their sources.
//
//   - Memory: one element a source.
//   - Goroutines: none; the sources run as coroutines. To run them concurrently, put an [Async]
//     after each.
//   - Errors: the first error of a source ends the run. So does a source that is not sorted.
func MergeSorted[T any](compare func(a, b T) int, srcs ...Source[T]) Source[T] {
	if compare == nil {
		return Fail[T](errNilFunc("MergeSorted"))
	}
	if positioned[T]() {
		return Fail[T](errReorders)
	}
	return pullAll(drainAll, srcs, func(ctx context.Context, ps []*pulled[T], emit func(T) error) error {
		heads, err := newHeads(ps)
		for err == nil && len(heads) > 0 {
			least := 0
			for i := range heads {
				if compare(heads[i].head, heads[least].head) < 0 {
					least = i
				}
			}
			v := heads[least].head
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := emit(v); err != nil {
				return err
			}
			from := heads[least].run
			heads, err = heads.advance(least)
			if err == nil && least < len(heads) && heads[least].run == from && compare(heads[least].head, v) < 0 {
				return invalidError("MergeSorted: a source is not sorted")
			}
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
		heads, err := newHeads(ps)
		for want := int64(0); err == nil && len(heads) > 0; want++ {
			i := 0
			for i < len(heads) && number(heads[i].head) != want {
				i++
			}
			if i == len(heads) {
				return invalidError("MergeSequence: no source has number %d next", want)
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := emit(heads[i].head); err != nil {
				return err
			}
			heads, err = heads.advance(i)
		}
		return err
	})
}

// heads holds the sources that have not ended, each with its next element.
type heads[T any] []headed[T]

type headed[T any] struct {
	run  *pulled[T]
	head T
}

func newHeads[T any](ps []*pulled[T]) (heads[T], error) {
	hs := make(heads[T], 0, len(ps))
	for _, p := range ps {
		v, ok := p.next()
		switch {
		case ok:
			hs = append(hs, headed[T]{p, v})
		case p.err != nil:
			return nil, p.err
		}
	}
	return hs, nil
}

// advance pulls the next element of the i-th source, or removes the source if it has ended.
func (hs heads[T]) advance(i int) (heads[T], error) {
	v, ok := hs[i].run.next()
	switch {
	case ok:
		hs[i].head = v
		return hs, nil
	case hs[i].run.err != nil:
		return nil, hs[i].run.err
	}
	return append(hs[:i], hs[i+1:]...), nil
}
