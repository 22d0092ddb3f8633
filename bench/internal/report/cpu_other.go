//go:build !unix

package report

import (
	"errors"
	"time"
)

// CPUTime fails: ratios of CPU time are what is reported, and this system does not tell it.
func CPUTime() (time.Duration, error) {
	return 0, errors.New("report: the CPU time of a process is known on Unix systems only")
}
