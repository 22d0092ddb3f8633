package pekko

import (
	"syscall"
	"time"
	"unsafe"
)

// cpuTime returns the CPU time of a process to the nanosecond. The JVM itself reports it only to 10
// ms. It makes the ID of the process's clock as clock_getcpuclockid(3) does.
func cpuTime(pid int) (time.Duration, bool) {
	const schedulerClock = 2
	var t syscall.Timespec
	_, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, uintptr(^pid<<3|schedulerClock),
		uintptr(unsafe.Pointer(&t)), 0)
	return time.Duration(t.Nano()), errno == 0
}
