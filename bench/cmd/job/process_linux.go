package main

import (
	"os"
	"syscall"
)

// endWithParent makes a child the leader of a process group, which the kernel ends when this
// process is gone (prctl(2)).
func endWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// killGroup ends the process group that p leads.
func killGroup(p *os.Process) error { return syscall.Kill(-p.Pid, syscall.SIGKILL) }
