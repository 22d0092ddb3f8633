package main

import (
	"testing"
	"time"
)

func TestTimeFlag(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "0s": 0, "90m": 90 * time.Minute, "1h30m": 90 * time.Minute, "720h": 720 * time.Hour, "0d": 0,
		"30d": 720 * time.Hour, "-1d": -24 * time.Hour, "100000d": 2_400_000 * time.Hour,
	} {
		var f timeFlag
		if err := f.Set(text); err != nil || time.Duration(f) != want {
			t.Errorf("%s: %v, %v", text, time.Duration(f), err)
		}
	}
	for _, text := range []string{"", "d", "30", "1.5d", "1d2h", "30 d", "100001d", "99999999999999999999d", "30D", "2w"} {
		f := timeFlag(time.Minute)
		if err := f.Set(text); err == nil || time.Duration(f) != time.Minute {
			t.Errorf("%q: %v, %v", text, time.Duration(f), err)
		}
	}
}
