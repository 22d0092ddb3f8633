package streamtest

import "time"

// SetAlarm sets how long, on the wall clock, a check in a bubble may take.
func SetAlarm(d time.Duration) { alarm = d }
