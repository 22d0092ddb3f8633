package stream_test

import (
	"slices"
	"testing"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// An operator may emit an element more than once. A receiver that writes or appends to one copy
// does not change the others.
func TestRepeatedElementsAreOwn(t *testing.T) {
	type doc []byte
	type pair = stream.Pair[doc, doc]
	spare := append(make(doc, 0, 10), "-"...)
	one := stream.Via(count(3), stream.Map(func(n int) doc { return doc{'1' + byte(n)} }))
	none := source.Empty[doc]()
	flat := stream.ConcatMap(func(p pair) stream.Source[doc] { return source.Of(p.First, p.Second) })
	for name, tt := range map[string]struct {
		src  stream.Source[doc]
		want []string
	}{
		"Intersperse": {stream.Via(one, stream.Intersperse(spare)), []string{"1", "-", "2", "-", "3"}},
		"ZipAll, the first ends": {
			stream.Via(stream.ZipAll(none, one, spare, nil), flat),
			[]string{"-", "1", "-", "2", "-", "3"},
		},
		"ZipAll, the second ends": {
			stream.Via(stream.ZipAll(one, none, nil, spare), flat),
			[]string{"1", "-", "2", "-", "3", "-"},
		},
	} {
		spoil := stream.Map(func(p doc) string {
			s := string(p)
			p[0] = 'X'
			_ = append(p, 'Y')
			return s
		})
		for range 2 {
			if got, err := stream.Run(t.Context(), stream.Via(tt.src, spoil), sink.Slice[string]()); err != nil ||
				!slices.Equal(got, tt.want) {
				t.Errorf("%s: %q, %v, want %q", name, got, err, tt.want)
			}
		}
	}
	if string(spare[:2]) != "-\x00" {
		t.Errorf("the caller's is %q now", spare[:2])
	}
}

// A nil pad stays nil.
func TestZipAllKeepsANilPad(t *testing.T) {
	got, err := stream.Run(t.Context(), stream.ZipAll(source.Of(1), source.Empty[[]byte](), 0, nil),
		sink.Slice[stream.Pair[int, []byte]]())
	if err != nil || len(got) != 1 || got[0].Second != nil {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := stream.Run(t.Context(), stream.ZipAll(source.Of(1), source.Empty[any](), 0, nil),
		sink.Slice[stream.Pair[int, any]]()); err != nil || got[0].Second != nil {
		t.Errorf("%v, %v", got, err)
	}
}
