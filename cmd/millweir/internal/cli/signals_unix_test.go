//go:build unix

package cli

import (
	"context"
	"errors"
	"syscall"
	"testing"
)

// TestSignals sends a signal to its own process, which Windows cannot do.
func TestSignals(t *testing.T) {
	ctx, stop := withSignals(t.Context())
	defer stop()
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	var s *Signalled
	if !errors.As(context.Cause(ctx), &s) || s.Signal != syscall.SIGTERM {
		t.Errorf("the cause is %v", context.Cause(ctx))
	}
}
