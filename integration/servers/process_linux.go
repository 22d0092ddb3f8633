package servers

import (
	"os/exec"
	"syscall"
)

// dieWithParent makes the kernel kill the child when the test's process is gone.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
