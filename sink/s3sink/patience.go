package s3sink

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/millweir/millweir/internal/s3fault"
)

// patiently makes a request by f, and again for as long as SlowDownTimeout while the service answers that it is too busy. The SDK's own
// tries are few, and in a storm of such answers it soon has no token left for them.
func patiently[T any](ctx context.Context, r *run, what string, f func() (T, error)) (T, error) {
	begin := time.Now()
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		out, err := f()
		err = s3fault.Mark(err)
		if !s3fault.Busy(err) || ctx.Err() != nil || time.Since(begin) >= r.opts.SlowDownTimeout {
			return out, err
		}
		jittered := wait/2 + rand.N(wait/2) //nolint:gosec // a delay is no secret
		r.hooks.retry(r.failed(what, err), jittered)
		if !sleep(ctx, jittered) {
			return out, err
		}
	}
}

// sleep waits for d; it returns false when ctx was done before.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// outliving returns a context that is cancelled a while after ctx.
func outliving(ctx context.Context, while time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(while, cancel) })
	return longer, func() {
		stop()
		cancel()
	}
}
