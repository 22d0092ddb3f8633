package s3retry_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/millweir/millweir/internal/s3retry"
)

// errReset is a broken connection, as the SDK returns it.
var errReset = &smithyhttp.RequestSendError{Err: &net.OpError{Op: "read", Err: errors.New("reset")}}

// TestDo: an outage is survived if it is shorter than the timeout.
func TestDo(t *testing.T) {
	denied := &smithy.GenericAPIError{Code: "AccessDenied"}
	unresolved := &net.DNSError{Name: "s3.example", IsNotFound: true}
	for name, tt := range map[string]struct {
		timeout  time.Duration
		outage   time.Duration
		err      error
		answered bool
		want     error
	}{
		"a short outage":          {timeout: time.Minute, outage: 59 * time.Second, err: errReset},
		"a long outage":           {timeout: time.Minute, outage: 2 * time.Minute, err: errReset, want: errReset},
		"no time":                 {timeout: -1, outage: time.Second, err: errReset, want: errReset},
		"a refusal":               {timeout: time.Minute, outage: time.Second, err: denied, want: denied},
		"a wrong host":            {timeout: time.Minute, outage: time.Second, err: unresolved, want: unresolved},
		"an outage of the names":  {timeout: time.Minute, outage: time.Second, err: unresolved, answered: true},
		"a gone upload":           {timeout: time.Minute, err: gone, outage: time.Second, want: gone},
		"an outage of one moment": {timeout: time.Minute, err: errReset},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				policy := &s3retry.Policy{Timeout: tt.timeout}
				if tt.answered {
					policy.Answered()
				}
				pauses := 0
				got, err := s3retry.Do(t.Context(), policy, func(error, time.Duration) {
					pauses++
				}, func() (int, error) {
					if time.Since(begin) <= tt.outage {
						return 0, tt.err
					}
					return 7, nil
				})
				if !errors.Is(err, tt.want) || (got == 7) != (tt.want == nil) {
					t.Errorf("the result is %d, %v; want %v", got, err, tt.want)
				}
				if took := time.Since(begin); took > max(tt.timeout, 0) || pauses > 30 {
					t.Errorf("it took %v and %d pauses", took, pauses)
				}
			})
		})
	}
}

var gone = &smithy.GenericAPIError{Code: "NoSuchUpload"}

// TestDoCanceled: a pause ends with the context.
func TestDoCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		_, err := s3retry.Do(ctx, &s3retry.Policy{Timeout: time.Hour}, nil, func() (int, error) { return 0, errReset })
		if !errors.Is(err, errReset) || time.Since(begin) != time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
	})
}

// TestLoopProgress: progress ends a row of failures, so that each row has the whole time.
func TestLoopProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loop := (&s3retry.Policy{Timeout: time.Second}).Loop()
		for range 100 {
			if wait, again := loop.Next(errReset); !again || wait > 100*time.Millisecond {
				t.Fatalf("wait %v, again %v", wait, again)
			}
			time.Sleep(900 * time.Millisecond)
			loop.Progress()
		}
	})
}

func TestPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		got := slices.Collect(s3retry.Pauses(t.Context(), 100*time.Millisecond, 400*time.Millisecond))
		want := []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond}
		if !slices.Equal(got, want) || time.Since(begin) != 700*time.Millisecond {
			t.Errorf("the pauses are %v, %v in all", got, time.Since(begin))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for range s3retry.Pauses(ctx, time.Hour, time.Hour) {
			t.Error("a round after the end of the context")
		}
	})
}
