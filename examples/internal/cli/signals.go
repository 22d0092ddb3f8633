package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Signalled is the cause of a run that a signal stopped.
type Signalled struct{ Signal syscall.Signal }

// Error names the signal.
func (s *Signalled) Error() string {
	switch s.Signal {
	case syscall.SIGINT:
		return "stopped by SIGINT (ctrl-C)"
	case syscall.SIGHUP:
		return "stopped by SIGHUP (the terminal is gone)"
	}
	return "stopped by SIGTERM"
}

func (s *Signalled) exitCode() int { return 128 + int(s.Signal) }

// sameSignal is how long after the first signal another one is taken for the same: timeout(1) sends
// one to the process, and at once another to its group.
const sameSignal = time.Second

// withSignals returns a context that SIGINT, SIGTERM and SIGHUP cancel, with a [*Signalled] as the
// cause. A second after the first of them the signals have their default effect again: a second one
// kills the process at once. Under nohup SIGHUP has none.
//
// SIGPIPE is ignored from here on: that nobody reads the messages any more (backup … 2>&1 | head)
// is no reason to leave an unfinished upload behind.
func withSignals(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGINT, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(ch, syscall.SIGHUP)
	}
	signal.Ignore(syscall.SIGPIPE)
	done, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		select {
		case s := <-ch:
			cancel(&Signalled{s.(syscall.Signal)})
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(sameSignal):
			signal.Stop(ch)
		case <-over:
		}
	}()
	return ctx, func() {
		signal.Stop(ch)
		cancel(nil)
		close(over)
		<-done
	}
}
