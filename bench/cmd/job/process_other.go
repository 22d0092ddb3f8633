//go:build !linux

package main

import (
	"os"
	"syscall"
)

// ofThisProcess makes a child like any other: that it ends with this process can be had on Linux
// only.
func ofThisProcess() *syscall.SysProcAttr { return nil }

// killAll ends p; what it started ends by itself.
func killAll(p *os.Process) error { return p.Kill() }
