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

// Cause keeps what a cancelled call adds to the cause, drops the echo that is joined to it, and
// repeats no text.
func TestCauseKeepsWhatIsNoEcho(t *testing.T) {
	over, cancel := context.WithCancelCause(t.Context())
	cancel(errCause)
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"joined to an echo": {errors.Join(context.Canceled, errOwn), "the cause\nan error of its own"},
		"wrapped as an echo": {
			fmt.Errorf("%w: %w", errOwn, context.Canceled),
			"the cause\nan error of its own: context canceled",
		},
		"a class of its own": {judged{context.Canceled}, "the cause\njudged"},
		"the text again":     {errors.New("the cause"), "the cause"},
		"two echoes":         {errors.Join(context.Canceled, fmt.Errorf("x: %w", context.Canceled)), "the cause"},
		"one text of several": {
			errors.Join(errors.New("the cause"), errors.Join(errOwn, context.Canceled)),
			"the cause\nan error of its own",
		},
	} {
		if got := ending.Cause(over, c.err); got.Error() != c.want || !errors.Is(got, errCause) {
			t.Errorf("%s: %q, not %q", name, got, c.want)
		}
	}
}

// An error with an empty Unwrap list is like an error that wraps nothing.
func TestCauseOfAnErrorThatJoinsNone(t *testing.T) {
	over, cancel := context.WithCancelCause(t.Context())
	cancel(errCause)
	if got := ending.Cause(over, alone{}); !errors.Is(got, errCause) || !errors.Is(got, alone{}) {
		t.Errorf("it became %v", got)
	}
}

type alone struct{}

func (alone) Error() string   { return "alone" }
func (alone) Unwrap() []error { return nil }

// judged has a class that its wrapped error does not have.
type judged struct{ error }

func (judged) Error() string   { return "judged" }
func (judged) Class() int      { return 1 }
func (j judged) Unwrap() error { return j.error }

func TestJoinAddsOnce(t *testing.T) {
	both := ending.Join(errCause, errOwn)
	for _, again := range []error{errCause, errOwn, both, errors.New("the cause"), fmt.Errorf("%w", errOwn)} {
		if got := ending.Join(both, again); got != both {
			t.Errorf("%q became %q", both, got)
		}
	}
}

// Clean-up may go on after a cancellation, but the run must end within a second.
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
