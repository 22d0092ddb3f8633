// Package rusage reads the CPU time and the peak memory of processes, on systems that report them.
// Benchmarks compare CPU times because, unlike wall time, they do not depend on other load.
package rusage

import (
	"fmt"
	"os"
	"time"
)

// CPU returns the user and system time of this process so far, on all cores. If the system does not
// report it, the error is [errors.ErrUnsupported].
func CPU() (time.Duration, error) {
	used, err := cpu()
	if err != nil {
		return 0, fmt.Errorf("rusage: CPU time: %w", err)
	}
	return used, nil
}

// MustCPU is like [CPU] but panics on error.
func MustCPU() time.Duration {
	used, err := CPU()
	if err != nil {
		panic(err)
	}
	return used
}

// PeakRSS returns the peak resident memory, in bytes, of a process that has ended, or of a child
// that it waited for if that is larger. It returns 0 if the system does not report it.
func PeakRSS(p *os.ProcessState) int64 { return peakRSS(p) }
