package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
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

// withSignals returns a context that SIGINT, SIGTERM and SIGHUP cancel, with a [*Signalled] as the cause. After the first of them
// the signals have their default effect again: a second one kills the process at once. Under nohup SIGHUP has none.
//
// SIGPIPE is ignored from here on: that nobody reads the messages any more (backup … 2>&1 | head) is no reason to leave an unfinished
// upload behind.
func withSignals(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGINT, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(ch, syscall.SIGHUP)
	}
	signal.Ignore(syscall.SIGPIPE)
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case s := <-ch:
			signal.Stop(ch)
			cancel(&Signalled{s.(syscall.Signal)})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(ch)
		cancel(nil)
		<-done
	}
}
