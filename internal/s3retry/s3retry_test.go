package s3retry_test

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"github.com/millweir/millweir/internal/s3retry"
)

// old has the methods of the SDK's first retryer only.
type old struct{ aws.Retryer }

func TestNotify(t *testing.T) {
	boom := errors.New("boom")
	for name, r := range map[string]aws.Retryer{
		"today's": retry.NewStandard(),
		"old":     old{retry.NewStandard()},
	} {
		var got error
		var wait time.Duration
		watched := s3retry.Notify(r, func(err error, w time.Duration) { got, wait = err, w })
		d, err := watched.RetryDelay(1, boom)
		if err != nil || !errors.Is(got, boom) || wait != d {
			t.Errorf("%s: %v, %v were reported; want %v, %v", name, got, wait, boom, d)
		}
		if watched.MaxAttempts() != r.MaxAttempts() {
			t.Errorf("%s: %d attempts, want %d", name, watched.MaxAttempts(), r.MaxAttempts())
		}
		v2, ok := watched.(aws.RetryerV2)
		if !ok {
			t.Fatalf("%s: it is no RetryerV2", name)
		}
		if release, err := v2.GetAttemptToken(t.Context()); err != nil || release == nil {
			t.Errorf("%s: the attempt's token: %v", name, err)
		}
	}
	if r := retry.NewStandard(); s3retry.Notify(r, nil) != aws.Retryer(r) ||
		s3retry.Notify(nil, func(error, time.Duration) {}) != nil {
		t.Error("without a function or a retryer there is nothing to do")
	}
}
