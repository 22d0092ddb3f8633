package s3sink

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/internal/s3retry"
)

// retryWhileBusy calls f, which makes one request, and repeats it for up to SlowDownTimeout while
// the service is too busy. The SDK's own retries are few, and its rate limiter soon stops them if
// many requests fail.
func retryWhileBusy[T any](ctx context.Context, r *run, what string, f func() (T, error)) (T, error) {
	begin := time.Now()
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		out, err := f()
		err = s3fault.Mark(err)
		if !s3fault.Busy(err) || ctx.Err() != nil || time.Since(begin) >= r.opts.SlowDownTimeout {
			return out, err
		}
		jittered := wait/2 + rand.N(wait/2) //nolint:gosec // a delay is no secret
		r.callbacks.retry(r.failed(what, err), jittered)
		if !s3retry.Sleep(ctx, jittered) {
			return out, err
		}
	}
}

// withGrace returns a context that is cancelled a while after ctx.
func withGrace(ctx context.Context, while time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(while, cancel) })
	return longer, func() {
		stop()
		cancel()
	}
}
