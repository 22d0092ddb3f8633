package stream

import (
	"context"
	"errors"
	"fmt"
)

// ErrLimit is the error of a stream that is longer than [Limit], [LimitBytes] or a decoder of
// package codec allows. It is of class Data. [GroupBy] and [RestartFlow] wrap it in an error of
// class Fatal.
var ErrLimit = Mark(errors.New("the stream is longer than its limit"), Data)

// LimitError reports which limit of [Limit] or [LimitBytes] a stream exceeded. It matches
// [ErrLimit] with errors.Is, and is of class Data.
type LimitError struct {
	Max  int64
	Unit string // the unit of Max: "elements" for Limit, "bytes" for LimitBytes
}

// Error returns a text with the limit and its unit.
func (e *LimitError) Error() string {
	return fmt.Sprintf("stream: more than %d %s: %v", e.Max, e.Unit, ErrLimit)
}

// Unwrap returns [ErrLimit].
func (e *LimitError) Unwrap() error { return ErrLimit }

// Limit returns a flow that passes at most n elements. If another element comes, it ends the run
// with a [*LimitError]. Fused; it holds no element.
//
// Limit and [LimitBytes] together bound what a restore writes, whatever the object holds. A line of
// two bytes becomes a document, and one compressed byte becomes a thousand such lines:
//
//	docs := stream.Via2(parsed,
//		stream.Limit[bson.Raw](maxDocuments),
//		stream.LimitBytes(maxBytes, stream.ByteLen[bson.Raw]),
//	)
func Limit[T any](n int64) Flow[T, T] {
	if n < 0 {
		return invalid[T, T]("Limit: %d elements; the limit must not be negative", n)
	}
	return limit(n, "elements", func(T) int64 { return 1 })
}

// LimitBytes returns a flow that passes elements of at most max bytes in total. At the element that
// would exceed max, it ends the run with a [*LimitError]. size returns the bytes of an element; use
// [ByteLen] for chunks and raw documents. It protects against a small object that decompresses to a
// huge one. The decoders of package codec have this limit built in. Fused; it holds no element.
func LimitBytes[T any](max int64, size func(T) int) Flow[T, T] {
	switch {
	case max < 0:
		return invalid[T, T]("LimitBytes: %d bytes; the limit must not be negative", max)
	case size == nil:
		return invalid[T, T]("LimitBytes: the size function is nil")
	}
	return limit(max, "bytes", func(v T) int64 { return int64(size(v)) })
}

func limit[T any](max int64, unit string, weigh func(T) int64) Flow[T, T] {
	return fuse(func(_ context.Context, emit func(T) error) func(T) error {
		left := max
		return func(v T) error {
			w := weigh(v)
			if w > left {
				return &LimitError{Max: max, Unit: unit}
			}
			if w > 0 {
				left -= w
			}
			return emit(v)
		}
	})
}
