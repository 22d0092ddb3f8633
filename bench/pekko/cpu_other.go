//go:build !linux

package pekko

import "time"

// cpuTime knows nothing here: the JVM's own count is used.
func cpuTime(int) (time.Duration, bool) { return 0, false }
