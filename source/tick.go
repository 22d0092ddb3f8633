package source

import (
	"context"
	"fmt"
	"time"

	"github.com/millweir/millweir/stream"
)

// Tick returns a source that emits the time at every period, first one period after the run began.
// It never completes: end it with [stream.Take], a drain or the context. While the downstream is
// busy, one tick waits and the others are dropped, as by [time.Ticker].
func Tick(every time.Duration) stream.Source[time.Time] {
	if every <= 0 {
		return stream.Fail[time.Time](fmt.Errorf("source: Tick: a period of %v; it must be positive", every))
	}
	return stream.SourceFunc[time.Time](func(ctx context.Context, emit func(time.Time) error) error {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		drained := stream.Draining(ctx)
		for {
			select {
			case <-drained:
				return context.Cause(ctx)
			default:
			}
			select {
			case now := <-ticker.C:
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				if err := emit(now); err != nil {
					return err
				}
			case <-drained:
				return context.Cause(ctx)
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	})
}
