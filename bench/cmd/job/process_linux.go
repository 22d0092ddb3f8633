package main

import (
	"os"
	"syscall"
)

// endWithParent makes a child the leader of a process group, which the kernel kills when this
// process ends (prctl(2)).
func endWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// killGroup kills the process group of p.
func killGroup(p *os.Process) error { return syscall.Kill(-p.Pid, syscall.SIGKILL) }
