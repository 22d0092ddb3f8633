package backup

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// Two calls meet, so several collections are looked up at once.
func TestEachAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, meeting := make([]*collectionRestore, 2*requestsAtOnce), make(chan struct{})
		var calls atomic.Int64
		err := eachAtOnce(t.Context(), all, func(context.Context, *collectionRestore) error {
			switch calls.Add(1) {
			case 1:
				meeting <- struct{}{}
			case 2:
				<-meeting
			}
			return nil
		})
		if err != nil || calls.Load() != int64(len(all)) {
			t.Errorf("%d calls of %d, %v", calls.Load(), len(all), err)
		}
	})
}

// After a failure the calls that have begun end, with a context that is not canceled, and others do not
// begin.
func TestEachAtOnceFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := make([]*collectionRestore, 10*requestsAtOnce)
		errRefused := errors.New("refused")
		failed, release := make(chan struct{}), make(chan struct{})
		var calls atomic.Int64
		ended := false
		err := eachAtOnce(t.Context(), all, func(ctx context.Context, _ *collectionRestore) error {
			switch calls.Add(1) {
			case 1:
				<-failed
				synctest.Wait() // the failure was seen
				ended = ctx.Err() == nil
				close(release)
			case 2:
				close(failed)
				return errRefused
			default:
				<-release
			}
			return nil
		})
		if !errors.Is(err, errRefused) || !ended {
			t.Errorf("%v, and the call in flight ended: %v", err, ended)
		}
		if n := calls.Load(); n > requestsAtOnce {
			t.Errorf("%d calls, some of them after the failure", n)
		}
	})
}
