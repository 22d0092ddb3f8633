package servers

import (
	"os/exec"
	"testing"
)

// SecantusPy starts secantusd-py, the same protocol by a second implementation. It is slow, and does
// not store every document as it is.
func SecantusPy(t testing.TB) *Mongo {
	t.Helper()
	return own(t, newSecantusPy(t))
}

// IsSecantusPy reports whether the server is that of [SecantusPy].
func (m *Mongo) IsSecantusPy() bool {
	p, ok := m.server.(*process)
	return ok && p.name == secantusPy
}

const secantusPy = "secantusd-py"

func newSecantusPy(t testing.TB) *Mongo {
	t.Helper()
	bin := Tool(t, "SECANTUSD_PY", secantusPy)
	return newSecantus(t, secantusPy, func(dir, port string) *exec.Cmd {
		return exec.Command(bin, "--port", port, "--storage-path", dir, "--enable-test-commands")
	})
}
