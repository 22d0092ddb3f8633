package stream_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// The function of a map after a filter is called for each element that the filter keeps, before the
// filter sees the next element, however the two are composed.
func TestMapAfterFilter(t *testing.T) {
	var calls []string
	keep := stream.Filter(func(n int) bool { calls = append(calls, fmt.Sprint("keep ", n)); return n%2 == 1 })
	double := stream.Map(func(n int) string { calls = append(calls, fmt.Sprint("map ", n)); return fmt.Sprint(2 * n) })
	src := source.Of(1, 2, 3, 4, 5)
	for name, body := range map[string]stream.Source[string]{
		"side by side": stream.Via2(src, keep, double),
		"joined":       stream.Via(src, stream.Then(keep, double)),
		"filter first": stream.Via(stream.Via(src, keep), double),
		"filtered twice": stream.Via(stream.Via2(src, keep, stream.Filter(func(n int) bool { return n != 7 })),
			double),
	} {
		calls = nil
		got, err := stream.Run(t.Context(), body, sink.Slice[string]())
		if want := []string{"2", "6", "10"}; !slices.Equal(got, want) || err != nil {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, want)
		}
		if said, want := strings.Join(calls, ", "),
			"keep 1, map 1, keep 2, keep 3, map 3, keep 4, keep 5, map 5"; said != want {
			t.Errorf("%s: called %s, want %s", name, said, want)
		}
	}
}
