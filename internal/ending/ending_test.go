package ending_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/internal/ending"
)

var (
	errCause = errors.New("the cause")
	errOwn   = errors.New("an error of its own")
)

func TestCause(t *testing.T) {
	live := t.Context()
	over, cancel := context.WithCancelCause(live)
	cancel(errCause)
	wrapped := fmt.Errorf("wrapped: %w", errCause)
	for name, c := range map[string]struct {
		ctx       context.Context
		err, want error
	}{
		"none":                  {live, nil, nil},
		"none, cancelled":       {over, nil, nil},
		"own":                   {live, errOwn, errOwn},
		"canceled, not the run": {live, context.Canceled, context.Canceled},
		"echo":                  {over, context.Canceled, errCause},
		"wrapped echo":          {over, fmt.Errorf("read: %w", context.Canceled), errCause},
		"the cause":             {over, errCause, errCause},
		"the cause, wrapped":    {over, wrapped, wrapped},
	} {
		if got := ending.Cause(c.ctx, c.err); got != c.want {
			t.Errorf("%s: %v, not %v", name, got, c.want)
		}
	}
	if got := ending.Cause(over, errOwn); !errors.Is(got, errCause) || !errors.Is(got, errOwn) {
		t.Errorf("an own error of a cancelled run became %v", got)
	}
}

func TestJoin(t *testing.T) {
	if ending.Join(nil, nil) != nil || ending.Join(errCause, nil) != errCause || ending.Join(nil, errOwn) != errOwn {
		t.Error("one error is not itself")
	}
	if both := ending.Join(errCause, errOwn); !errors.Is(both, errCause) || !errors.Is(both, errOwn) {
		t.Errorf("%v lacks one of the two", both)
	}
}

// Clean-up goes on after a cancellation, for as long as lets the run end within a second.
func TestOutlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		longer, free := ending.Outlive(ctx)
		defer free()
		cancel()
		time.Sleep(700 * time.Millisecond)
		if longer.Err() != nil {
			t.Error("it ended with the run")
		}
		time.Sleep(200 * time.Millisecond)
		if longer.Err() == nil {
			t.Error("it goes on for ever")
		}
	})
	synctest.Test(t, func(t *testing.T) { // no goroutine is left
		ctx, cancel := context.WithCancel(t.Context())
		longer, free := ending.Outlive(ctx)
		cancel()
		free()
		if longer.Err() == nil {
			t.Error("it was not freed")
		}
	})
}
