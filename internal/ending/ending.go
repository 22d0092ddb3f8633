// Package ending selects the error of a run, and gives clean-up a limited time.
package ending

import (
	"context"
	"time"
)

// Cause returns the error of a run after a function of the user has returned err. While the run
// goes on, that is err. After the end of the run's context it is the cause of that end, joined with
// what err adds to it.
func Cause(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	isEcho := func(e error) bool { return e == ctx.Err() }
	cause := context.Cause(ctx)
	switch {
	case OnlyEchoes(err, isEcho):
		return cause
	case Is(err, cause):
		return err
	}
	return Add(cause, err, isEcho)
}

// Join adds what clean-up reported to err. Either may be nil. Join does not add an error or a text
// that err contains already.
func Join(err, cleanup error) error {
	return Add(err, cleanup, func(error) bool { return false })
}

// grace limits clean-up in a cancelled run, which must end within a second.
const grace = 800 * time.Millisecond

// Outlive returns a context for clean-up. It is cancelled 800 ms after ctx is. The caller must call
// the returned function to release it.
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
