// Package ending says what a run ends with, and gives its clean-up the time it may take.
package ending

import (
	"context"
	"errors"
	"time"
)

// Cause returns what a run ends with when a function of the user returned err: the cause of the run's end if err is only an
// echo of that, both if it is more, and err as it is while the run goes on.
func Cause(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	isEcho := func(e error) bool { return e == ctx.Err() }
	cause := context.Cause(ctx)
	switch {
	case OnlyEchoes(err, isEcho):
		return cause
	case errors.Is(err, cause):
		return err
	}
	return Add(cause, err, isEcho)
}

// Join adds what clean-up reported to err; either may be nil. An error or a text that err has is not joined again.
func Join(err, cleanup error) error {
	return Add(err, cleanup, func(error) bool { return false })
}

// grace is what clean-up may take in a run that was cancelled, which is to end within a second.
const grace = 800 * time.Millisecond

// Outlive returns a context for clean-up: it is cancelled only when ctx has been for 800 ms. The function it returns frees it.
func Outlive(ctx context.Context) (context.Context, func()) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-longer.Done():
		}
	})
	return longer, func() {
		stop()
		cancel()
	}
}
