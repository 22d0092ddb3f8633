package s3store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/internal/s3reply"
	"github.com/millweir/millweir/internal/s3retry"
	"github.com/millweir/millweir/stream"
)

// attemptTimeout limits one attempt of a request without a body.
const attemptTimeout = time.Minute

var errNoReply = stream.Mark(errors.New("no reply within a minute"), stream.Retryable)

// request sends a request about the bucket, and repeats it after transient failures.
func request[T any](
	ctx context.Context, s *Store, what string, send func(context.Context, ...func(*s3.Options)) (T, error),
) (T, error) {
	policy := s3retry.Policy{Timeout: s.retryTimeout()}
	notify := func(o *s3.Options) { o.Retryer = s3retry.Notify(o.Retryer, s.opts.OnRetry) }
	out, err := s3retry.Do(ctx, &policy, s.opts.OnRetry, func() (T, error) {
		attempt, cancel := context.WithTimeoutCause(ctx, attemptTimeout, errNoReply)
		defer cancel()
		out, err := send(attempt, s3reply.Guard, notify)
		if err != nil && ctx.Err() == nil && attempt.Err() != nil {
			return out, errNoReply
		}
		return out, s3fault.Mark(err)
	})
	switch {
	case err == nil:
		return out, nil
	case ctx.Err() != nil:
		return out, context.Cause(ctx)
	}
	return out, fmt.Errorf("s3store: %s of the bucket %s: %w", what, s.bucket, err)
}

// retryTimeout returns the time for which a request is repeated.
func (s *Store) retryTimeout() time.Duration {
	if s.opts.RetryTimeout == 0 {
		return s3retry.DefaultTimeout
	}
	return s.opts.RetryTimeout
}

// failed adds the operation and the key to err.
func failed(operation, key string, err error) error {
	return fmt.Errorf("s3store: %s %s: %w", operation, key, err)
}
