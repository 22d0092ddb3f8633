package child

import (
	"os"
	"syscall"
)

// EndWithParent makes a child the leader of a process group, which the kernel kills when this
// process ends (prctl(2)).
func EndWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// killGroup kills the process group of p.
func killGroup(p *os.Process) error { return syscall.Kill(-p.Pid, syscall.SIGKILL) }
