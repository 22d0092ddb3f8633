package stream_test

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// Equal elements come in the order of their sources. Equal elements of one source keep their order.
func TestMergeSortedIsStable(t *testing.T) {
	type item struct{ key, from, n int }
	list := func(from int, keys ...int) stream.Source[item] {
		var all []item
		for i, k := range keys {
			all = append(all, item{k, from, i})
		}
		return source.Slice(all)
	}
	byKey := func(a, b item) int { return a.key - b.key }
	merged := stream.MergeSorted(byKey, list(0, 1, 1, 3), list(1, 1, 2, 3), list(2, 1, 3, 3))
	got, err := stream.Run(t.Context(), merged, sink.Slice[item]())
	want := []item{{1, 0, 0}, {1, 0, 1}, {1, 1, 0}, {1, 2, 0}, {2, 1, 1}, {3, 0, 2}, {3, 1, 2}, {3, 2, 1}, {3, 2, 2}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
}

// An element belongs to the downstream once it is emitted. MergeSorted must not compare with it.
func TestMergeSortedWithAChangingDownstream(t *testing.T) {
	type named struct{ Name []byte }
	src := func(names ...string) stream.Source[named] {
		return stream.Via(source.Slice(names), stream.Map(func(s string) named { return named{[]byte(s)} }))
	}
	merge := func(srcs ...stream.Source[named]) error {
		merged := stream.MergeSorted(func(a, b named) int { return bytes.Compare(a.Name, b.Name) }, srcs...)
		_, err := stream.Run(t.Context(), merged, sink.ForEach(func(_ context.Context, v named) error {
			v.Name[0] = 'z'
			return nil
		}))
		return err
	}
	if err := merge(src("b", "c"), src("d")); err != nil {
		t.Error(err)
	}
	if err := merge(src("c", "b"), src("d")); err == nil {
		t.Error("a source that is not sorted was merged")
	}
}

// The error for a source that is not sorted names that source.
func TestMergeSortedNamesTheUnsortedSource(t *testing.T) {
	merged := stream.MergeSorted(cmp.Compare[int], source.Of(1, 4), source.Of(2, 5, 3), source.Of(0))
	_, err := stream.Run(t.Context(), merged, sink.Slice[int]())
	if err == nil || !strings.Contains(err.Error(), "srcs[1] is not sorted") || stream.ClassOf(err) != stream.Fatal {
		t.Errorf("%v is %v", err, stream.ClassOf(err))
	}
}
