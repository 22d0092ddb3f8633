package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Signalled is the cancellation cause of a run that a signal stopped.
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

// sameSignal is the time after the first signal in which another one counts as the same: timeout(1)
// sends one to the process and at once another to its group.
const sameSignal = time.Second

// withSignals returns a context that SIGINT, SIGTERM and SIGHUP cancel with a [*Signalled] as the
// cause. A second after the first signal they have their default effect again, so another one kills
// the process at once. Under nohup SIGHUP has no effect.
//
// It also makes the process ignore SIGPIPE: if the reader of the messages ends (backup … 2>&1 |
// head), the run must continue and not leave an unfinished upload.
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
