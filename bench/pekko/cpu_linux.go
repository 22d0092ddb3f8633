package pekko

import (
	"syscall"
	"time"
	"unsafe"
)

// cpuTime returns the CPU time that a process has used, to the nanosecond, where the JVM itself
// knows it to 10 ms only. The clock of another process is made of its ID as clock_getcpuclockid(3)
// does it.
func cpuTime(pid int) (time.Duration, bool) {
	const schedulerClock = 2
	var t syscall.Timespec
	_, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, uintptr(^pid<<3|schedulerClock),
		uintptr(unsafe.Pointer(&t)), 0)
	return time.Duration(t.Nano()), errno == 0
}
