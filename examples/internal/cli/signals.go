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
	if s.Signal == syscall.SIGINT {
		return "stopped by SIGINT (ctrl-C)"
	}
	return "stopped by SIGTERM"
}

func (s *Signalled) exitCode() int { return 128 + int(s.Signal) }

// withSignals returns a context that SIGINT and SIGTERM cancel, with a [*Signalled] as the cause. After the first of them the
// signals have their default effect again: a second one kills the process at once.
func withSignals(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGINT, syscall.SIGTERM)
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
