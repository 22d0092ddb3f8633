package mongosource

import (
	"testing"
	"time"
)

func TestCostOf(t *testing.T) {
	const ms, us = time.Millisecond, time.Microsecond
	for name, c := range map[string]struct {
		ranges     int
		n          int64
		one, whole pace
		want       float64
	}{
		"as fast":                          {10, 1_000_000, pace{0, us}, pace{0, us}, 1},
		"slow to begin":                    {4, 1000, pace{50 * ms, 0}, pace{10 * ms, 0}, 20},
		"slow to read":                     {4, 1000, pace{0, 3 * us}, pace{0, 2 * us}, 1.5},
		"both":                             {4, 1000, pace{50 * ms, 100 * us}, pace{50 * ms, 50 * us}, 3},
		"a begin that many documents hide": {4, 1_000_000, pace{ms, us}, pace{0, us}, 1.004},
		"nothing was measurable":           {4, 0, pace{}, pace{}, 0},
		"a whole that took no time":        {1, 0, pace{10, 0}, pace{}, 10},
		"30,000 years":                     {1, 1e12, pace{0, 30 * ms}, pace{0, 20 * ms}, 1.5},
	} {
		if got := costOf(c.ranges, c.n, c.one, c.whole); got < c.want*0.999999 || got > c.want*1.000001 {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
