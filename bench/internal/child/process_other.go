//go:build !linux

package child

import (
	"os"
	"syscall"
)

// EndWithParent does nothing: only Linux can end a child together with its parent.
func EndWithParent() *syscall.SysProcAttr { return nil }

// killGroup kills p. Its children end by themselves.
func killGroup(p *os.Process) error { return p.Kill() }
