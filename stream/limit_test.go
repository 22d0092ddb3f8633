package stream_test

import (
	"errors"
	"testing"

	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// A limit passes an element that just fits, and no part of an element that does not fit.
func TestLimitEdges(t *testing.T) {
	for _, c := range []struct {
		max   int64
		sizes []int
		pass  int // elements
	}{
		{0, nil, 0},
		{0, []int{0, 0}, 2},
		{0, []int{1}, 0},
		{10, []int{9}, 1},
		{10, []int{10}, 1},
		{10, []int{11}, 0},
		{10, []int{5, 5, 0}, 3},
		{10, []int{5, 6}, 1},
		{10, []int{5, 6, 1}, 1}, // the last would fit, but comes after one that does not
	} {
		var chunks [][]byte
		for _, n := range c.sizes {
			chunks = append(chunks, make([]byte, n))
		}
		for name, l := range map[string]struct {
			flow stream.Flow[[]byte, []byte]
			pass int
		}{
			"LimitBytes": {stream.LimitBytes(c.max, stream.ByteLen[[]byte]), c.pass},
			"Limit":      {stream.Limit[[]byte](int64(c.pass)), c.pass},
		} {
			passed := 0
			count := func([]byte) error { passed++; return nil }
			err := stream.Via(source.Slice(chunks), l.flow).Each(t.Context(), count)
			if passed != l.pass || errors.Is(err, stream.ErrLimit) != (l.pass < len(chunks)) ||
				(err == nil) != (l.pass == len(chunks)) {
				t.Errorf("%s %d of %v: %d passed, %v", name, c.max, c.sizes, passed, err)
			}
		}
	}
}

// The error reports which of several limits was exceeded.
func TestLimitErrorNamesTheLimit(t *testing.T) {
	limited := func(documents, bytes int64) stream.Source[[]byte] {
		return stream.Via2(source.Of([]byte("{}"), []byte("{}"), []byte("{}")),
			stream.Limit[[]byte](documents),
			stream.LimitBytes(bytes, stream.ByteLen[[]byte]),
		)
	}
	for _, c := range []struct {
		src  stream.Source[[]byte]
		want stream.LimitError
	}{
		{limited(2, 100), stream.LimitError{Max: 2, Unit: "elements"}},
		{limited(100, 5), stream.LimitError{Max: 5, Unit: "bytes"}},
	} {
		err := c.src.Each(t.Context(), func([]byte) error { return nil })
		got, ok := errors.AsType[*stream.LimitError](err)
		if !ok || *got != c.want {
			t.Errorf("the error is %v, want that of %+v", err, c.want)
		}
		if !errors.Is(err, stream.ErrLimit) || stream.ClassOf(err) != stream.Data {
			t.Errorf("%v: class %v, ErrLimit %t", err, stream.ClassOf(err), errors.Is(err, stream.ErrLimit))
		}
	}
}
