package stream

import (
	"context"
	"errors"
	"fmt"
)

// ErrLimit is the error of a stream that is longer than [Limit], [LimitBytes] or a decoder of package codec allows. It is
// of class Data.
var ErrLimit = Mark(errors.New("the stream is longer than its limit"), Data)

// Limit returns a flow that passes at most n elements and ends the run with [ErrLimit] when another comes. Fused; it holds no element.
func Limit[T any](n int64) Flow[T, T] {
	if n < 0 {
		return invalid[T, T]("Limit: %d elements; the limit must not be negative", n)
	}
	return limit(n, "elements", func(T) int64 { return 1 })
}

// LimitBytes returns a flow that passes elements of at most max bytes in sum, as size tells, and ends the run with [ErrLimit] at
// the element that would pass it. Of byte streams the size is [ByteLen]. It is the guard against a small object that becomes a huge
// one; the decoders of package codec have it built in. Fused; it holds no element.
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
				return fmt.Errorf("stream: more than %d %s: %w", max, unit, ErrLimit)
			}
			if w > 0 {
				left -= w
			}
			return emit(v)
		}
	})
}
