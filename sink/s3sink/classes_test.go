package s3sink_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

// TestSentinelClasses checks the class of every error that a caller may branch on.
func TestSentinelClasses(t *testing.T) {
	for err, want := range map[error]stream.Class{
		s3sink.ErrExists:   stream.Fatal,
		s3sink.ErrConflict: stream.Retryable,
		s3sink.ErrTooLarge: stream.Fatal,

		s3sink.ErrIgnoresIfNoneMatch: stream.Fatal,
		s3sink.ErrMismatch:           stream.Fatal,
		s3sink.ErrNotEncrypted:       stream.Fatal,
		s3sink.ErrNotStored:          stream.Retryable,
		s3sink.ErrBrokenOff:          stream.Retryable,
		s3sink.ErrOutcomeUnknown:     stream.UnknownOutcome,
	} {
		if got := stream.ClassOf(err); got != want {
			t.Errorf("%v is %v, want %v", err, got, want)
		}
	}
}

// TestClasses fails uploads in many ways. The class of each error says whether another run may
// succeed.
func TestClasses(t *testing.T) {
	const single, parts = 50, 250
	unread := s3test.Fault{Op: "HeadObject", Times: always, Before: s3test.Fail(403, "AccessDenied")}
	fail := func(op string, f func(*s3test.Request) *s3test.Reply) s3test.Fault {
		return s3test.Fault{Op: op, Times: always, Before: f}
	}
	busy := s3sink.UploadOptions{RetryTimeout: -1}
	for _, tt := range []struct {
		name   string
		size   int
		opts   s3sink.UploadOptions
		old    bool
		faults []s3test.Fault
		want   stream.Class
	}{
		{
			name: "put 500", size: single, faults: []s3test.Fault{fail("PutObject", s3test.Fail(500, "InternalError"))},
			want: stream.Retryable,
		},
		{
			name: "put 503", size: single, opts: busy,
			faults: []s3test.Fault{fail("PutObject", s3test.Fail(503, "SlowDown"))}, want: stream.Throttled,
		},
		{
			name: "put 403", size: single, faults: []s3test.Fault{fail("PutObject", s3test.Fail(403, "AccessDenied"))},
			want: stream.Fatal,
		},
		{
			name: "put, no bucket", size: single,
			faults: []s3test.Fault{fail("PutObject", s3test.Fail(404, "NoSuchBucket"))}, want: stream.Fatal,
		},
		{
			name: "put, expired", size: single,
			faults: []s3test.Fault{fail("PutObject", s3test.Fail(400, "ExpiredToken"))}, want: stream.Retryable,
		},
		{
			name: "put, damaged", size: single, faults: []s3test.Fault{fail("PutObject", s3test.Flip)},
			want: stream.Retryable,
		},
		{
			name: "put, reset", size: single, faults: []s3test.Fault{fail("PutObject", s3test.Drop)},
			want: stream.UnknownOutcome,
		},
		{
			name: "put, lost, unseen", size: single,
			faults: []s3test.Fault{{Op: "PutObject", Times: always, After: s3test.Lose}, unread},
			want:   stream.UnknownOutcome,
		},
		{
			name: "create 500", size: parts,
			faults: []s3test.Fault{fail("CreateMultipartUpload", s3test.Fail(500, "InternalError"))},
			want:   stream.Retryable,
		},
		{
			name: "create reset", size: parts, faults: []s3test.Fault{fail("CreateMultipartUpload", s3test.Drop)},
			want: stream.Retryable,
		},
		{
			name: "part 403", size: parts, faults: []s3test.Fault{fail("UploadPart", s3test.Fail(403, "AccessDenied"))},
			want: stream.Fatal,
		},
		{
			name: "part reset", size: parts, faults: []s3test.Fault{fail("UploadPart", s3test.Drop)},
			want: stream.Retryable,
		},
		{
			name: "part 429", size: parts, opts: busy, faults: []s3test.Fault{fail("UploadPart", s3test.Fail(429, ""))},
			want: stream.Throttled,
		},
		{
			name: "part hangs", size: parts, opts: s3sink.UploadOptions{StallTimeout: 50 * time.Millisecond},
			faults: []s3test.Fault{fail("UploadPart", s3test.Hang)}, want: stream.Retryable,
		},
		{
			name: "upload gone", size: parts,
			faults: []s3test.Fault{fail("UploadPart", s3test.Fail(404, "NoSuchUpload"))},
			want:   stream.Retryable,
		},
		{
			name: "part 500, no right to abort", size: parts, want: stream.Retryable, faults: []s3test.Fault{
				fail("UploadPart", s3test.Fail(500, "InternalError")),
				fail("AbortMultipartUpload", s3test.Fail(403, "AccessDenied")),
			},
		},
		{
			name: "part 403, abort fails for a while", size: parts,
			opts: s3sink.UploadOptions{AbortTimeout: 200 * time.Millisecond},
			want: stream.Fatal, faults: []s3test.Fault{
				fail("UploadPart", s3test.Fail(403, "AccessDenied")),
				fail("AbortMultipartUpload", s3test.Fail(500, "InternalError")),
			},
		},
		{
			name: "complete 500", size: parts,
			faults: []s3test.Fault{fail("CompleteMultipartUpload", s3test.Fail(500, "InternalError"))},
			want:   stream.Retryable,
		},
		{
			name: "complete lost, unseen", size: parts, want: stream.UnknownOutcome,
			faults: []s3test.Fault{{Op: "CompleteMultipartUpload", Times: always, After: s3test.Lose}, unread},
		},
		{name: "exists", size: single, opts: s3sink.UploadOptions{IfAbsent: true}, old: true, want: stream.Fatal},
		{
			name: "conflict", size: parts, opts: s3sink.UploadOptions{IfAbsent: true}, want: stream.Retryable,
			faults: []s3test.Fault{fail("CompleteMultipartUpload", s3test.Fail(409, "ConditionalRequestConflict"))},
		},
		{name: "too large", size: 2_001, opts: s3sink.UploadOptions{FixedParts: true}, want: stream.Fatal},
		{name: "bad settings", opts: s3sink.UploadOptions{Parallelism: -1}, want: stream.Fatal},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server, client := newServer(t, anyParts)
			if tt.old {
				server.Put(bucket, key, random(3))
			}
			for _, f := range tt.faults {
				server.Fault(f)
			}
			_, err := stream.Run(t.Context(), chunks(random(tt.size), 500), s3sink.UploadWithin(20, client, bucket, key,
				small(tt.opts)))
			if got := stream.ClassOf(err); got != tt.want {
				t.Errorf("%v is %v, want %v", err, got, tt.want)
			}
		})
	}
}

// TestRestartSink: a failed upload is repeated only if it has stored nothing. An upload with an
// unknown outcome is stored once, and ends the run.
func TestRestartSink(t *testing.T) {
	// This error alone is retryable.
	unread := s3test.Fault{Op: "HeadObject", Times: always, Before: s3test.Fail(500, "InternalError")}
	lost := func(op string) s3test.Fault { return s3test.Fault{Op: op, Times: always, After: s3test.Lose} }
	for _, tt := range []struct {
		name   string
		size   int
		faults []s3test.Fault
		want   error // nil for success

		patience time.Duration // AbortTimeout, if the service never answers a HEAD
	}{
		{
			name: "put, unknown", size: 50, faults: []s3test.Fault{lost("PutObject"), unread},
			want: s3sink.ErrOutcomeUnknown, patience: 200 * time.Millisecond,
		},
		{
			name: "complete, unknown", size: 250, faults: []s3test.Fault{lost("CompleteMultipartUpload"), unread},
			want: s3sink.ErrOutcomeUnknown, patience: 200 * time.Millisecond,
		},
		{name: "complete, proven", size: 250, faults: []s3test.Fault{lost("CompleteMultipartUpload")}},
		{
			name: "part 500", size: 250,
			faults: []s3test.Fault{{Op: "UploadPart", Times: 2, Before: s3test.Fail(500, "InternalError")}},
		},
		{
			name: "put 500", size: 50,
			faults: []s3test.Fault{{Op: "PutObject", Times: 2, Before: s3test.Fail(500, "InternalError")}},
		},
		{name: "create reset", size: 250, faults: []s3test.Fault{{
			Op: "CreateMultipartUpload", Times: 2,
			Before: s3test.Drop,
		}}},
		{
			name: "upload aborted by another", size: 250,
			faults: []s3test.Fault{{Op: "UploadPart", Before: s3test.Fail(404, "NoSuchUpload")}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server, _ := newServer(t, &s3test.Options{MinPartSize: -1, Versioned: true})
			client := newClient(server.URL, func(o *s3.Options) { o.Retryer = aws.NopRetryer{} }) // only ours
			for _, f := range tt.faults {
				server.Fault(f)
			}
			upload := s3sink.UploadWithin(10_000, client, bucket, key,
				small(s3sink.UploadOptions{Parallelism: 1, AbortTimeout: tt.patience}))
			restart := stream.RestartSink(1000, upload, &stream.Backoff{Min: time.Millisecond, MaxRetries: 3})
			_, err := stream.Run(t.Context(), stream.Via(chunks(random(tt.size), 10), restart),
				sink.Slice[s3sink.Object]())
			if !errors.Is(err, tt.want) {
				t.Errorf("the error is %v, want %v", err, tt.want)
			}
			if n := len(server.Versions(bucket, key)); n != 1 {
				t.Errorf("it is stored %d times", n)
			}
		})
	}
}

// TestCanceledClass: a canceled run ends with its cause, which keeps its class.
func TestCanceledClass(t *testing.T) {
	server, client := newServer(t, anyParts)
	ctx, cancel := context.WithCancelCause(t.Context())
	server.Fault(s3test.Fault{Op: "UploadPart", Before: func(*s3test.Request) *s3test.Reply {
		cancel(stream.Mark(errCause, stream.Data))
		return s3test.Hang(nil)
	}})
	_, err := stream.Run(ctx, chunks(random(250), 30), s3sink.UploadWithin(10_000, client, bucket, key,
		small(s3sink.UploadOptions{})))
	if !errors.Is(err, errCause) || stream.ClassOf(err) != stream.Data {
		t.Errorf("%v is %v", err, stream.ClassOf(err))
	}
}
