package servers

import (
	"context"
	"errors"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// SecantusDB starts secantusd-rs with failpoints enabled. It acknowledges a write after it is on
// disk. args are additional flags, such as "--auth".
func SecantusDB(t testing.TB, args ...string) *Mongo {
	t.Helper()
	return own(t, newSecantusDB(t, args...))
}

func newSecantusDB(t testing.TB, args ...string) *Mongo {
	t.Helper()
	bin := Tool(t, "SECANTUSD_RS", "secantusd-rs")
	return newSecantus(t, "secantusd-rs", func(dir, port string) *exec.Cmd {
		return exec.Command(bin, append([]string{
			"--host", "127.0.0.1", "--port", port, "--storage-path", dir,
			"--cache-size", "512M", "--sync-on-commit", "--enable-test-commands",
		}, args...)...)
	})
}

// newSecantus starts a SecantusDB daemon, which prints the port that it took.
func newSecantus(t testing.TB, name string, command func(dir, port string) *exec.Cmd) *Mongo {
	t.Helper()
	p, err := newProcess(name)
	if err != nil {
		t.Fatal(err)
	}
	p.command = func(p *process) *exec.Cmd {
		_, port, _ := net.SplitHostPort(p.addr)
		return command(filepath.Join(p.dir, "data"), port)
	}
	p.ready = func(ctx context.Context, p *process) error {
		m := secantusAddr.FindAllStringSubmatch(p.log.String(), -1)
		if m == nil {
			return errors.New("it has not said on which port")
		}
		p.addr = m[len(m)-1][1]
		return ping(ctx, "mongodb://"+p.addr+"/")
	}
	if err := p.start(); err != nil {
		p.close()
		t.Fatal(err)
	}
	return &Mongo{p}
}

var secantusAddr = regexp.MustCompile(`listening on (127\.0\.0\.1:\d+)`)
