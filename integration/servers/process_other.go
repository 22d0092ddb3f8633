//go:build !linux

package servers

import "os/exec"

// endWithParent does nothing: only Linux can end a child together with its parent.
func endWithParent(*exec.Cmd) {}

// holdPort does nothing.
func holdPort(string) (release func()) { return func() {} }
