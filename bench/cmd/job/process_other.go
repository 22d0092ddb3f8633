//go:build !linux

package main

import (
	"os"
	"syscall"
)

// endWithParent does nothing: only Linux can end a child together with its parent.
func endWithParent() *syscall.SysProcAttr { return nil }

// killGroup kills p. Its children end by themselves.
func killGroup(p *os.Process) error { return p.Kill() }
