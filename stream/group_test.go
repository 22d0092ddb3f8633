package stream_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/millweir/millweir/stream"
)

func TestGroupFirstErrorWins(t *testing.T) {
	other := errors.New("other")
	tests := []struct {
		name  string
		later error
		also  bool // later is joined to the first
	}{
		{"echo of the context", context.Canceled, false},
		{"echo of a pipe", fmt.Errorf("pipe: %w", io.ErrClosedPipe), false},
		{"the first again", errBoom, false},
		{"a second true failure", other, true},
		{"the first with what clean-up added", errors.Join(errBoom, other), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, ctx := stream.NewGroup(t.Context())
			g.Go(func() error { <-ctx.Done(); return tt.later })
			err := g.Do(func() error { return errBoom })
			if !errors.Is(err, errBoom) {
				t.Errorf("got %v, want the first error", err)
			}
			if errors.Is(err, other) != tt.also {
				t.Errorf("got %v", err)
			}
			if context.Cause(ctx) != errBoom {
				t.Errorf("the cause is %v", context.Cause(ctx))
			}
		})
	}
}

func TestGroupCarriesPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cleaned := false
		defer func() {
			p, ok := recover().(*stream.PanicError)
			if !ok || p.Value != "ouch" || !strings.Contains(string(p.Stack), "panicHere") {
				t.Errorf("recovered %v", p)
			}
			if !cleaned {
				t.Error("the panic came before the clean-up")
			}
		}()
		g, ctx := stream.NewGroup(t.Context())
		g.Go(func() error { panicHere(); return nil })
		_ = g.Do(func() error {
			defer func() { cleaned = true }()
			<-ctx.Done()
			return context.Cause(ctx)
		})
		t.Error("Do returned")
	})
}

func panicHere() { panic("ouch") }

func TestGroupWaitsWhenItsOwnFunctionPanics(t *testing.T) {
	ended := false
	defer func() {
		if v := recover(); v != "ouch" || !ended {
			t.Errorf("recovered %v, the other ended: %v", v, ended)
		}
	}()
	g, ctx := stream.NewGroup(t.Context())
	g.Go(func() error { <-ctx.Done(); ended = true; return nil })
	_ = g.Do(func() error { panic("ouch") })
}

func TestGroupCarriesGoexit(t *testing.T) {
	returned := false
	var wg sync.WaitGroup
	wg.Go(func() {
		g, ctx := stream.NewGroup(t.Context())
		g.Go(func() error { runtime.Goexit(); return nil })
		_ = g.Do(func() error { <-ctx.Done(); return nil })
		returned = true
	})
	wg.Wait()
	if returned {
		t.Error("Do returned as if nothing had happened")
	}
}

// An error that comes again, after another was joined to it, is not joined again.
func TestGroupJoinsEachErrorOnce(t *testing.T) {
	g, _ := stream.NewGroup(t.Context())
	other := errors.New("another")
	for _, err := range []error{errBoom, other, errBoom, other, fmt.Errorf("wrapped: %w", context.Canceled)} {
		g.Fail(err)
	}
	if err := g.Wait(); !errors.Is(err, errBoom) || !errors.Is(err, other) ||
		strings.Count(err.Error(), "boom") != 1 || strings.Count(err.Error(), "another") != 1 {
		t.Errorf("%q", err)
	}
}

// Wait cancels the context of the group, which ends whatever still uses it.
func TestGroupWaitCancelsItsContext(t *testing.T) {
	for _, err := range []error{nil, errBoom} {
		g, ctx := stream.NewGroup(t.Context())
		g.Go(func() error { return err })
		if got := g.Wait(); got != err || ctx.Err() == nil {
			t.Errorf("Wait returned %v, the context's error is %v", got, ctx.Err())
		}
	}
}
