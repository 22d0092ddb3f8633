package main

import (
	"os"
	"syscall"
)

// ofThisProcess makes a child the leader of a process group, which the kernel ends when this
// process is gone (prctl(2)).
func ofThisProcess() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// killAll ends the process group that p leads.
func killAll(p *os.Process) error { return syscall.Kill(-p.Pid, syscall.SIGKILL) }
