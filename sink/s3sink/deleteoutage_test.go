package s3sink_test

import (
	"fmt"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// TestDeleteOutage: OnError goes on during an outage. The objects have one RetryTimeout together,
// until one is deleted.
func TestDeleteOutage(t *testing.T) {
	const objects, timeout = 30, 5 * time.Minute
	notImplemented := s3test.Fault{Op: "DeleteObjects", Times: always, Before: s3test.Fail(501, "NotImplemented")}
	for name, fault := range map[string]func(busy func() bool) []s3test.Fault{
		"one by one": func(busy func() bool) []s3test.Fault {
			return []s3test.Fault{notImplemented, {Op: "DeleteObject", Times: always, Before: rejectIf(busy)}}
		},
		"batches": func(busy func() bool) []s3test.Fault {
			return []s3test.Fault{{Op: "DeleteObjects", Times: always, After: refuseIf(busy)}}
		},
	} {
		for _, tt := range []struct {
			outage time.Duration // before each object that is deleted
			want   s3sink.DeleteResult
			within time.Duration
		}{
			{outage: 1000 * time.Hour, want: s3sink.DeleteResult{Failed: objects}, within: timeout + time.Second},
			{outage: 4 * time.Minute, want: s3sink.DeleteResult{Deleted: objects}, within: objects * timeout},
		} {
			synctest.Test(t, func(t *testing.T) {
				var all []s3sink.ObjectID
				for i := range objects {
					all = append(all, s3sink.ObjectID{Key: fmt.Sprint(i)})
				}
				client := memoryClient(t, fault(busyFor(tt.outage)))
				begin := time.Now()
				deletes := s3sink.Delete(client, bucket, &s3sink.DeleteOptions{
					BatchSize: 1, RetryTimeout: timeout, OnError: func(s3sink.ObjectID, error) error { return nil },
				})
				got, err := stream.Run(t.Context(), source.Slice(all), deletes)
				if took := time.Since(begin); err != nil || got != tt.want || took > tt.within {
					t.Errorf("%s, outages of %v: %+v, %v after %v", name, tt.outage, got, err, took)
				}
			})
		}
	}
}

// memoryClient returns a client of a server in memory.
func memoryClient(t *testing.T, faults []s3test.Fault) *s3.Client {
	t.Helper()
	server := s3test.New(&s3test.Options{InMemory: true})
	t.Cleanup(server.Close)
	server.CreateBucket(bucket)
	for _, f := range faults {
		server.Fault(f)
	}
	return newClient(server.URL, func(o *s3.Options) { o.HTTPClient = server.HTTPClient() })
}

// busyFor returns a function that reports whether the service is busy: for d from its first call,
// and for d from its first call after it has reported false.
func busyFor(d time.Duration) func() bool {
	var end time.Time
	return func() bool {
		if end.IsZero() {
			end = time.Now().Add(d)
		}
		if time.Now().Before(end) {
			return true
		}
		end = time.Time{}
		return false
	}
}

// rejectIf rejects a request if the service is busy.
func rejectIf(busy func() bool) func(*s3test.Request) *s3test.Reply {
	return func(r *s3test.Request) *s3test.Reply {
		if busy() {
			return s3test.Fail(503, "SlowDown")(r)
		}
		return nil
	}
}

var deleted = regexp.MustCompile(`<Deleted>(<Key>[^<]*</Key>).*?</Deleted>`)

// refuseIf refuses each object of a batch if the service is busy.
func refuseIf(busy func() bool) func(*s3test.Request, *s3test.Reply) {
	return func(_ *s3test.Request, r *s3test.Reply) {
		if busy() {
			r.Body = deleted.ReplaceAll(r.Body, []byte("<Error>$1<Code>SlowDown</Code></Error>"))
		}
	}
}
