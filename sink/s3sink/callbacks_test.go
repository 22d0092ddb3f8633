package s3sink_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

// TestOnPart: each part is reported after the service has acknowledged it, in calls that never
// overlap.
func TestOnPart(t *testing.T) {
	for _, size := range []int{0, 50, 100, 101, 950} {
		for _, sum := range []s3sink.Checksum{s3sink.ChecksumCRC64NVME, s3sink.ChecksumNone} {
			t.Run(fmt.Sprint(size, " ", sum), func(t *testing.T) {
				server, client := newServer(t, anyParts)
				var (
					parts []s3sink.Part
					calls atomic.Int64
				)
				opts := small(s3sink.UploadOptions{Checksum: sum, OnPart: func(p s3sink.Part) {
					if calls.Add(1) != 1 {
						t.Error("two calls at once")
					}
					time.Sleep(time.Millisecond) // long enough for an overlapping call
					parts = append(parts, p)
					calls.Add(-1)
				}})
				obj, err := stream.Run(t.Context(), chunks(random(size), 30), s3sink.UploadWithin(10_000, client,
					bucket, key, opts))
				if err != nil {
					t.Fatal(err)
				}
				slices.SortFunc(parts, func(a, b s3sink.Part) int { return a.Number - b.Number })
				var total int64
				for i, p := range parts {
					total += p.Size
					if p.Number != i+1 || p.ETag == "" || (p.Checksum == "") != (sum == s3sink.ChecksumNone) ||
						(p.UploadID == "") != (size <= 100) {
						t.Errorf("part %d is %+v", i+1, p)
					}
				}
				if total != int64(size) || len(parts) != max(obj.Parts, 1) {
					t.Errorf("%d bytes in %d parts were reported, want %d in %d", total, len(parts), size,
						max(obj.Parts, 1))
				}
				if size <= 100 && parts[0].ETag != obj.ETag {
					t.Errorf("the part is %+v, the object %+v", parts[0], obj)
				}
				expectStored(t, server, random(size), obj)
			})
		}
	}
}

// TestOnPartUnacknowledged: a part that the service never acknowledges is not reported.
func TestOnPartUnacknowledged(t *testing.T) {
	for name, f := range map[string]s3test.Fault{
		"refused":     {Op: "UploadPart", Part: 3, Times: always, Before: s3test.Fail(403, "AccessDenied")},
		"reset":       {Op: "UploadPart", Part: 3, Times: always, Before: s3test.Drop},
		"reply lost":  {Op: "UploadPart", Part: 3, Times: always, After: s3test.Lose},
		"no ETag":     {Op: "UploadPart", Part: 3, After: emptyTag},
		"put refused": {Op: "PutObject", Before: s3test.Fail(403, "AccessDenied")},
	} {
		server, client := newServer(t, anyParts)
		server.Fault(f)
		size := 950
		if f.Op == "PutObject" {
			size = 50
		}
		opts := small(s3sink.UploadOptions{Parallelism: 1, OnPart: func(p s3sink.Part) {
			if p.Number == 3 || f.Op == "PutObject" {
				t.Errorf("%s: %+v was reported", name, p)
			}
		}})
		if _, err := stream.Run(t.Context(), chunks(random(size), 30), s3sink.UploadWithin(10_000, client, bucket, key,
			opts)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestOnRetry: every retry of a request is reported before its wait, both the client's own retries
// and ours.
func TestOnRetry(t *testing.T) {
	for _, tt := range []struct {
		op    string
		size  int
		fail  func(*s3test.Request) *s3test.Reply
		times int
		what  string
	}{
		{"PutObject", 50, s3test.Fail(500, "InternalError"), 2, "put"},
		{"PutObject", 50, s3test.Fail(503, "SlowDown"), 7, "put"},
		{"PutObject", 50, s3test.Drop, 2, "put"},
		{"CreateMultipartUpload", 250, s3test.Fail(500, "InternalError"), 2, "create multipart upload"},
		{"UploadPart", 250, s3test.Fail(503, "SlowDown"), 5, "upload part 1"},
		{"CompleteMultipartUpload", 250, s3test.Fail(500, "InternalError"), 2, "complete multipart upload"},
	} {
		server, client := newServer(t, anyParts)
		server.Fault(s3test.Fault{Op: tt.op, Part: part1(tt.op), Times: tt.times, Before: tt.fail})
		retries := 0
		opts := small(s3sink.UploadOptions{RetryTimeout: time.Minute, OnRetry: func(err error, wait time.Duration) {
			retries++
			if err == nil || wait < 0 || !strings.Contains(err.Error(), tt.what+" of "+bucket+"/"+key) {
				t.Errorf("%s: %v after %v", tt.op, err, wait)
			}
		}})
		_, err := stream.Run(t.Context(), chunks(random(tt.size), 30), s3sink.UploadWithin(10_000, client, bucket, key,
			opts))
		if err != nil || retries != tt.times {
			t.Errorf("%s: %d retries were reported, want %d; %v", tt.op, retries, tt.times, err)
		}
	}
}

func part1(op string) int {
	if op == "UploadPart" {
		return 1
	}
	return 0
}

// TestOnRetryOfAbort: retries of the clean-up are reported.
func TestOnRetryOfAbort(t *testing.T) {
	server, client := newServer(t, anyParts)
	server.Fault(s3test.Fault{Op: "UploadPart", Before: s3test.Fail(403, "AccessDenied")})
	server.Fault(s3test.Fault{Op: "AbortMultipartUpload", Times: 4, Before: s3test.Drop})
	retries := 0
	opts := small(s3sink.UploadOptions{Parallelism: 1, OnRetry: func(error, time.Duration) { retries++ }})
	_, err := stream.Run(t.Context(), chunks(random(250), 30), s3sink.UploadWithin(10_000, client, bucket, key, opts))
	if !coded("AccessDenied")(err) || retries != 4 {
		t.Errorf("%d retries were reported, %v", retries, err)
	}
	expectNothing(t, server)
}

// TestHookPanics: a panic in a hook continues on the caller's goroutine, and nothing is left.
func TestHookPanics(t *testing.T) {
	for name, opts := range map[string]s3sink.UploadOptions{
		"OnPart":  {OnPart: func(s3sink.Part) { panic("a hook") }},
		"OnRetry": {OnRetry: func(error, time.Duration) { panic("a hook") }},
	} {
		t.Run(name, func(t *testing.T) {
			server, client := newServer(t, anyParts)
			server.Fault(s3test.Fault{Op: "UploadPart", Before: s3test.Fail(500, "InternalError")})
			defer func() {
				if recover() == nil {
					t.Error("the panic is gone")
				}
				expectNothing(t, server)
			}()
			_, err := stream.Run(context.Background(), chunks(random(950), 30), s3sink.UploadWithin(10_000, client,
				bucket, key, small(opts)))
			t.Errorf("the run returned with %v", err)
		})
	}
}

// TestHookPanicsAmongOthers: a hook panics while other parts wait to call it. They do not block
// forever.
func TestHookPanicsAmongOthers(t *testing.T) {
	for _, name := range []string{"OnPart", "OnRetry"} {
		t.Run(name, func(t *testing.T) {
			server, client := newServer(t, anyParts)
			panics := func() {
				for server.Count("UploadPart") < 4 {
					time.Sleep(time.Millisecond)
				}
				time.Sleep(20 * time.Millisecond) // the replies to the other parts arrive meanwhile
				panic("a hook")
			}
			opts := s3sink.UploadOptions{Parallelism: 4, OnPart: func(s3sink.Part) { panics() }}
			if name == "OnRetry" {
				opts = s3sink.UploadOptions{Parallelism: 4, OnRetry: func(error, time.Duration) { panics() }}
				server.Fault(s3test.Fault{Op: "UploadPart", Times: always, Before: s3test.Fail(500, "InternalError")})
			}
			defer func() {
				if recover() == nil {
					t.Error("the panic is gone")
				}
				expectNothing(t, server)
			}()
			_, err := stream.Run(context.Background(), chunks(random(950), 30), s3sink.UploadWithin(10_000, client,
				bucket, key, small(opts)))
			t.Errorf("the run returned with %v", err)
		})
	}
}
