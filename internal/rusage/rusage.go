// Package rusage reads what a process has used of the machine, on the systems that can tell: CPU time and peak memory.
// Benchmarks compare CPU times because, unlike the clock, they do not depend on what else the machine does.
package rusage

import (
	"fmt"
	"os"
	"time"
)

// CPU returns the user and system time of this process so far, on all cores. On a system that cannot tell, its error is
// [errors.ErrUnsupported].
func CPU() (time.Duration, error) {
	used, err := cpu()
	if err != nil {
		return 0, fmt.Errorf("rusage: CPU time: %w", err)
	}
	return used, nil
}

// MustCPU is like [CPU] but panics if the system cannot tell.
func MustCPU() time.Duration {
	used, err := CPU()
	if err != nil {
		panic(err)
	}
	return used
}

// PeakRSS returns the most resident memory, in bytes, that a process that has ended had, or one of the children that it waited
// for. It returns 0 on a system that cannot tell.
func PeakRSS(p *os.ProcessState) int64 { return peakRSS(p) }
