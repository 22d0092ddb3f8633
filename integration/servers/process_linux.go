package servers

import (
	"net/netip"
	"os/exec"
	"syscall"
)

// endWithParent makes the kernel kill the child when the test's process ends.
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

// holdPort keeps other programs from taking a port of the IPv4 loopback. Connections to it are
// refused, and a server that sets SO_REUSEADDR can still listen on it.
func holdPort(addr string) (release func()) {
	at, err := netip.ParseAddrPort(addr)
	if err != nil || !at.Addr().Is4() {
		return func() {}
	}
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return func() {}
	}
	_ = syscall.SetsockoptInt(socket, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	_ = syscall.Bind(socket, &syscall.SockaddrInet4{Addr: at.Addr().As4(), Port: int(at.Port())})
	return func() { _ = syscall.Close(socket) }
}
