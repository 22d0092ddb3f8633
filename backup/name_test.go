package backup

import (
	"testing"
	"time"
)

// Names are in the order of time, also within a second, and differ if they are made at once.
func TestNames(t *testing.T) {
	second := time.Date(2026, 11, 29, 16, 0, 0, 0, time.FixedZone("", 3600))
	previous, seen := "", map[string]bool{}
	for ms := range 3000 {
		at := second.Add(time.Duration(ms)*time.Millisecond + time.Millisecond - 1)
		name := newName(at)
		if name <= previous {
			t.Fatalf("%s after %s", name, previous)
		}
		if began, ok := parseName(name); !ok || !began.Equal(at.Truncate(time.Second)) {
			t.Fatalf("%s: %v, %v", name, began, ok)
		}
		if again := newName(at); seen[again] || again == name || again[:21] != name[:21] {
			t.Fatalf("%s and %s", name, again)
		}
		previous, seen[name] = name, true
	}
}
