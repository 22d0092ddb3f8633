package stream_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/stream"
)

// The time that a sink takes after its last element is limited too; the time of its upstream is
// not.
func TestStallTimeoutWhileFinishing(t *testing.T) {
	finish := func(d time.Duration) stream.Sink[int, int] {
		return stream.SinkFunc[int, int](func(ctx context.Context, src stream.Source[int]) (n int, err error) {
			if err := src.Each(ctx, func(int) error { n++; return nil }); err != nil {
				return n, err
			}
			select {
			case <-time.After(d):
				return n, nil
			case <-ctx.Done():
				return n, context.Cause(ctx)
			}
		})
	}
	slow := stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
		time.Sleep(time.Hour)
		err := emit(1)
		time.Sleep(time.Hour)
		return err
	})
	for _, c := range []struct {
		takes time.Duration
		want  error
	}{
		{time.Second, nil},
		{59 * time.Second, nil},
		{61 * time.Second, stream.ErrTimeout},
		{24 * time.Hour, stream.ErrTimeout},
	} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			n, err := stream.Run(t.Context(), slow, stream.StallTimeout(time.Minute, finish(c.takes)))
			if took := time.Since(start) - 2*time.Hour; n != 1 || !errors.Is(err, c.want) || took > time.Minute {
				t.Errorf("a sink that finishes in %v: %d, %v after %v", c.takes, n, err, took)
			}
		})
	}
}
