package bsoncodec

import (
	"math"
	"testing"
)

// TestLineGrowth follows the memory of a line up to its limit. It may overflow only where an int has
// 32 bits (GOARCH=386).
func TestLineGrowth(t *testing.T) {
	const most = math.MaxInt32 // MaxLine
	for _, limit := range []int{1, keptSize, hugeLine + 1, defaultLine, most - 1, most} {
		for _, usual := range []int{0, hugeLine + 1, defaultLine, most} {
			l := lineCutter{max: limit, usual: min(usual, limit)}
			for size := 1; size < limit; {
				next := l.nextSize(size)
				if next <= size || next > limit {
					t.Fatalf("%d bytes grow to %d; the limit is %d, and the last line needed %d", size, next, limit, usual)
				}
				size = next
			}
		}
	}
}
