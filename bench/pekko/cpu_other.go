//go:build !linux

package pekko

import "time"

// cpuTime is not available here. The JVM's own count is used instead.
func cpuTime(int) (time.Duration, bool) { return 0, false }
