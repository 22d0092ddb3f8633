package stream

import (
	"fmt"
	"time"
)

// Bottleneck says in one line which stage holds a run back, and for what share of the time. Pass it
// the snapshots of all monitors of one pipeline, from source to sink, or their counts within a time
// window ([Snapshot.Since]). More monitors give a more precise answer: Bottleneck names a stage
// between two monitors by the names of both.
//
//	json: 61 % of 12.4s
//	the stages between gzip and age: 44 % of 3.1s
func Bottleneck(monitors ...Snapshot) string {
	if len(monitors) == 0 {
		return "there is no monitor"
	}
	first, last := monitors[0], monitors[len(monitors)-1]
	total := first.Waited + first.Own + first.Blocked
	if total <= 0 {
		return "nothing has run yet"
	}
	stage, held := "the stages before "+first.label(1), first.Waited
	longer := func(d time.Duration, name string) {
		if d > held {
			stage, held = name, d
		}
	}
	for i, m := range monitors {
		if i > 0 {
			before := monitors[i-1]
			longer(before.Blocked-m.Own-m.Blocked,
				fmt.Sprintf("the stages between %s and %s", before.label(i), m.label(i+1)))
		}
		longer(m.Own, m.label(i+1))
	}
	longer(last.Blocked, "the stages after "+last.label(len(monitors)))
	return fmt.Sprintf("%s: %.0f %% of %v",
		stage, 100*min(held.Seconds()/total.Seconds(), 1), total.Round(time.Millisecond))
}

// label returns the name of the monitor, or its position if it has no name.
func (s Snapshot) label(position int) string {
	if s.Name == "" {
		return fmt.Sprintf("monitor %d", position)
	}
	return s.Name
}
