package hostile

import (
	"runtime"
	"testing"
)

// TestProblems breaks each requirement alone.
func TestProblems(t *testing.T) {
	row := Row{MaxMemory: 50 << 20}
	good := result{OK: true, Text: maxText, Peak: 50 << 20}
	if p := row.problems(good); len(p) != 0 {
		t.Errorf("a good result has problems: %q", p)
	}
	bad := []result{{Text: maxText, Peak: 1}, {OK: true, Text: maxText + 1}, {OK: true, Raw: true}}
	if !raceEnabled {
		bad = append(bad, result{OK: true, Peak: 50<<20 + 1})
	}
	for _, r := range bad {
		if p := row.problems(r); len(p) != 1 {
			t.Errorf("%+v has the problems %q, want one", r, p)
		}
	}
}

// TestPeak allocates 40 MiB, which peakMemory must include.
func TestPeak(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux reports the peak")
	}
	held := make([]byte, 40<<20)
	for i := 0; i < len(held); i += 4096 {
		held[i] = 1
	}
	if got := peakMemory(); got < 40<<20 {
		t.Errorf("the peak is %d bytes with 40 MiB held", got)
	}
	runtime.KeepAlive(held)
}
