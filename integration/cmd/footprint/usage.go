package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/millweir/millweir/internal/rusage"
)

// usage is the CPU time, memory and duration of a process.
type usage struct {
	peak int64         // resident memory, bytes
	cpu  time.Duration // user and system
	wall time.Duration
}

const look = 5 * time.Millisecond // interval at which the peak is read

// measure runs cmd to its end.
func measure(cmd *exec.Cmd) (usage, error) {
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return usage{}, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var u usage
	for {
		select {
		case err := <-ended:
			u.wall = time.Since(began)
			u.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
			if u.peak == 0 {
				u.peak = rusage.PeakRSS(cmd.ProcessState)
			}
			return u, err
		case <-time.After(look):
			// ru_maxrss of getrusage(2) is never less than the peak of this process, because the
			// child shares its memory until it executes the program. VmHWM restarts there.
			if peak, ok := peakRSS(cmd.Process.Pid); ok {
				u.peak = max(u.peak, peak)
			}
		}
	}
}

// peakRSS returns the peak memory of a running process, if the system reports it (proc(5)).
func peakRSS(pid int) (int64, bool) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, false
	}
	for lines := bufio.NewScanner(bytes.NewReader(status)); lines.Scan(); {
		if f := bytes.Fields(lines.Bytes()); len(f) == 3 && string(f[0]) == "VmHWM:" {
			n, err := strconv.ParseInt(string(f[1]), 10, 64)
			return n << 10, err == nil
		}
	}
	return 0, false
}
