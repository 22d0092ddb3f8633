package stream

import (
	"slices"
	"testing"
)

// A step that is in vain is left out more and more often, but tried again from time to time.
func TestSkips(t *testing.T) {
	var s skips
	var left []int // calls left out before each try
	for range 8 {
		n := 0
		for s.next() {
			n++
		}
		left = append(left, n)
		s.failed()
	}
	if want := []int{0, 1, 3, 7, 15, 31, 31, 31}; !slices.Equal(left, want) {
		t.Errorf("left out %v, want %v", left, want)
	}
}
