package rusage

import (
	"os"
	"syscall"
	"time"
)

func cpu() (time.Duration, error) {
	self, err := syscall.GetCurrentProcess()
	if err != nil {
		return 0, os.NewSyscallError("GetCurrentProcess", err)
	}
	var created, exited, kernel, user syscall.Filetime
	if err := syscall.GetProcessTimes(self, &created, &exited, &kernel, &user); err != nil {
		return 0, os.NewSyscallError("GetProcessTimes", err)
	}
	return amount(kernel) + amount(user), nil
}

// amount returns a Filetime that holds a duration in units of 100 ns. Its method Nanoseconds would
// interpret it as a date.
func amount(t syscall.Filetime) time.Duration {
	return time.Duration(int64(t.HighDateTime)<<32|int64(t.LowDateTime)) * 100
}

func peakRSS(*os.ProcessState) int64 { return 0 }
