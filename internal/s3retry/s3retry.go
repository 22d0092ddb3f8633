// Package s3retry reports the retries that the AWS SDK makes on its own.
package s3retry

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/millweir/millweir/internal/s3fault"
)

// Notify returns r with f called before each wait between two attempts of a request, on the
// goroutine of the request. The text of f's err is safe to print. If f or r is nil, Notify returns
// r.
func Notify(r aws.Retryer, f func(err error, wait time.Duration)) aws.Retryer {
	if f == nil || r == nil {
		return r
	}
	v2, ok := r.(aws.RetryerV2)
	if !ok {
		v2 = retryerV2{r}
	}
	return notifying{v2, f}
}

type notifying struct {
	aws.RetryerV2
	f func(error, time.Duration)
}

// RetryDelay is the last method that the SDK calls before it waits.
func (n notifying) RetryDelay(attempt int, err error) (time.Duration, error) {
	wait, failed := n.RetryerV2.RetryDelay(attempt, err)
	if failed == nil {
		n.f(s3fault.Report(err), wait)
	}
	return wait, failed
}

// retryerV2 makes an [aws.RetryerV2] of a Retryer, as the SDK does.
type retryerV2 struct{ aws.Retryer }

func (u retryerV2) GetAttemptToken(context.Context) (func(error) error, error) {
	return u.GetInitialToken(), nil
}
