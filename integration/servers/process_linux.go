package servers

import (
	"os/exec"
	"syscall"
)

// endWithParent makes the kernel kill the child when the test's process ends.
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
