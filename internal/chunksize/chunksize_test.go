package chunksize_test

import (
	"testing"
	"time"

	"github.com/millweir/millweir/internal/chunksize"
)

func TestNext(t *testing.T) {
	for _, tt := range []struct {
		current, n int
		took       time.Duration
		want       int
	}{
		{current: 1, n: 1, took: 0, want: 2},                           // doubles
		{current: 2, n: 2, took: 100 * time.Nanosecond, want: 4},       // doubles
		{current: 32, n: 32, took: time.Microsecond, want: 64},         // doubles
		{current: 64, n: 64, took: time.Microsecond, want: 64},         // the largest chunk
		{current: 64, n: 64, took: 64 * time.Microsecond, want: 40},    // 1 µs an element
		{current: 64, n: 10, took: 40 * time.Microsecond, want: 10},    // shrinks at once
		{current: 64, n: 1, took: 40 * time.Microsecond, want: 1},      // as long as the target
		{current: 64, n: 1, took: time.Hour, want: 1},                  // never none
		{current: 1, n: 64, took: 63 * time.Nanosecond, want: 2},       // less than 1 ns an element
		{current: 1, n: 1, took: 20*time.Microsecond + 1, want: 1},     // two would take too long
		{current: 1, n: 1, took: 20 * time.Microsecond, want: 2},       // two fit
		{current: 40, n: 7, took: 7 * 700 * time.Nanosecond, want: 57}, // 40 µs / 700 ns
	} {
		if got := chunksize.Next(tt.current, tt.n, tt.took); got != tt.want {
			t.Errorf("Next(%d, %d, %v) = %d, want %d", tt.current, tt.n, tt.took, got, tt.want)
		}
	}
}
