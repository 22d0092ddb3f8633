package servers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	startTime = 2 * time.Minute  // until a server replies
	stopTime  = 10 * time.Second // from SIGTERM to the end of a server
)

// process is a server that runs as a child process. Its methods are for the test's own goroutines,
// one at a time.
type process struct {
	name    string
	dir     string // its data; removed by close
	command func(p *process) *exec.Cmd
	ready   func(ctx context.Context, p *process) error // polled until it returns nil

	addr string // host:port; port 0 until known
	log  logBuffer
	cmd  *exec.Cmd
	done chan struct{} // closed when cmd has ended

	release func() // frees the port, which Kill keeps for Restart
}

// Addr returns the address that the server listens on, host:port. A restart keeps it.
func (p *process) Addr() string { return p.addr }

// Log returns what the server has written so far.
func (p *process) Log() string { return p.log.String() }

// Kill kills the server, as kill -9 does, and returns after it has ended. On Linux its port stays
// reserved for Restart: otherwise another server could take it, and get the client's requests.
func (p *process) Kill(t testing.TB) {
	t.Helper()
	if p.cmd == nil {
		t.Fatalf("%s does not run", p.name)
	}
	_ = p.cmd.Process.Kill()
	<-p.done
	p.cmd = nil
	p.release = holdPort(p.addr)
}

// Restart starts the server again on the same directory and port. It first stops a server that
// still runs.
func (p *process) Restart(t testing.TB) {
	t.Helper()
	p.stop()
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	p.freePort()
}

// start starts the server and waits until it is ready.
func (p *process) start() error {
	cmd := p.command(p)
	cmd.Stdout, cmd.Stderr = &p.log, &p.log
	cmd.WaitDelay = time.Second
	endWithParent(cmd)
	if err := spawn(cmd); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(done)
	}()
	p.cmd, p.done = cmd, done

	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	for {
		err := p.ready(ctx, p)
		if err == nil {
			return nil
		}
		select {
		case <-done:
			p.cmd = nil
			return fmt.Errorf("%s ended while it started: %v\n%s", p.name, cmd.ProcessState, p.log.String())
		case <-ctx.Done():
			p.stop()
			return fmt.Errorf("%s does not answer: %w\n%s", p.name, err, p.log.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// startFree starts the server on a free port, and on another one if a process takes the port first.
func (p *process) startFree() error {
	var errs []error
	for range 3 {
		addr, err := FreeAddr()
		if err != nil {
			return err
		}
		p.addr = addr
		if err = p.start(); err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// stop sends SIGTERM, and kills the server if it does not end.
func (p *process) stop() {
	if p.cmd == nil {
		return
	}
	if p.cmd.Process.Signal(syscall.SIGTERM) != nil {
		_ = p.cmd.Process.Kill()
	}
	select {
	case <-p.done:
	case <-time.After(stopTime):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
	p.cmd = nil
}

func (p *process) freePort() {
	if p.release != nil {
		p.release()
		p.release = nil
	}
}

// close stops the server and removes what it stored.
func (p *process) close() {
	p.stop()
	p.freePort()
	_ = os.RemoveAll(p.dir)
}

// newProcess returns a server that does not run yet, with a new directory.
func newProcess(name string) (*process, error) {
	dir, err := os.MkdirTemp("", "millweir-"+name+"-")
	if err != nil {
		return nil, err
	}
	return &process{name: name, dir: dir, addr: "127.0.0.1:0"}, nil
}

// spawn starts cmd from a thread that lives as long as the test's process: Linux sends the
// parent-death signal when the thread that started the child ends (prctl(2)).
func spawn(cmd *exec.Cmd) error {
	spawner.once.Do(func() {
		spawner.work = make(chan func())
		go func() {
			runtime.LockOSThread()
			for f := range spawner.work {
				f()
			}
		}()
	})
	err := make(chan error, 1)
	spawner.work <- func() { err <- cmd.Start() }
	return <-err
}

var spawner struct {
	once sync.Once
	work chan func()
}
