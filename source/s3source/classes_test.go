package s3source_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// TestSentinelClasses checks the class of every error that a caller may branch on.
func TestSentinelClasses(t *testing.T) {
	for _, err := range []error{
		s3source.ErrNotFound, s3source.ErrObjectChanged, s3source.ErrChecksum,
		s3source.ErrBadReply, s3source.ErrArchived, s3source.ErrNotVerifiable, s3source.ErrCustomerKey,
	} {
		if got := stream.ClassOf(err); got != stream.Fatal {
			t.Errorf("%v is %v", err, got)
		}
	}
}

// fin ends a body with a FIN before its announced end.
func fin(n int) func(*s3test.Request, *s3test.Reply) {
	return func(_ *s3test.Request, r *s3test.Reply) {
		r.Header.Set("Content-Length", "10000")
		r.Body = r.Body[:min(n, len(r.Body))]
	}
}

// TestClasses cuts and refuses downloads without retries. The class of the error says whether
// another run may succeed, and stream.Restart reads the rest.
func TestClasses(t *testing.T) {
	data := random(10_000)
	for _, tt := range []struct {
		name   string
		fault  s3test.Fault
		opts   s3source.DownloadOptions
		want   stream.Class
		resume bool
	}{
		{name: "reset", fault: s3test.Fault{After: s3test.CutAfter(4000)}, want: stream.Retryable, resume: true},
		{
			name: "reset before a byte", fault: s3test.Fault{Times: 3, Before: s3test.Drop}, want: stream.Retryable,
			resume: true,
		},
		{name: "FIN", fault: s3test.Fault{After: fin(4000)}, want: stream.Retryable, resume: true},
		{
			name: "cut in good order", fault: s3test.Fault{After: all(chunked, s3test.Shorten(4000))},
			want: stream.Retryable, resume: true,
		},
		{
			name: "500", fault: s3test.Fault{Times: 3, Before: s3test.Fail(500, "InternalError")},
			want:   stream.Retryable,
			resume: true,
		},
		{
			name: "503 SlowDown", fault: s3test.Fault{Times: 3, Before: s3test.Fail(503, "SlowDown")},
			want: stream.Throttled, resume: true,
		},
		{
			name: "429", fault: s3test.Fault{Times: 3, Before: s3test.Fail(429, "")}, want: stream.Throttled,
			resume: true,
		},
		{
			name: "ExpiredToken", fault: s3test.Fault{Before: s3test.Fail(400, "ExpiredToken")}, want: stream.Retryable,
			resume: true,
		},
		{
			name: "stall", fault: s3test.Fault{Before: s3test.Hang}, want: stream.Retryable, resume: true,
			opts: s3source.DownloadOptions{StallTimeout: 500 * time.Millisecond},
		},
		{name: "403", fault: s3test.Fault{Times: always, Before: s3test.Fail(403, "AccessDenied")}, want: stream.Fatal},
		{name: "404", fault: s3test.Fault{Times: always, Before: s3test.Fail(404, "NoSuchKey")}, want: stream.Fatal},
		{
			name: "archived", fault: s3test.Fault{Times: always, Before: s3test.Fail(403, "InvalidObjectState")},
			want: stream.Fatal,
		},
		{
			name: "replaced", fault: s3test.Fault{Times: always, Before: s3test.Fail(412, "PreconditionFailed")},
			want: stream.Fatal,
		},
		{name: "damaged", fault: s3test.Fault{After: flip}, want: stream.Fatal},
		{
			name: "too short", fault: s3test.Fault{Op: "none"}, opts: s3source.DownloadOptions{Length: 10_001},
			want: stream.Fatal,
		},
		{
			name: "begins after the end", fault: s3test.Fault{Op: "none"},
			opts: s3source.DownloadOptions{Offset: 10_001},
			want: stream.Fatal,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server, client := newServer(t, nil)
			etag := server.Put(bucket, key, data).ETag
			if tt.fault.Op == "" {
				tt.fault.Op = "GetObject"
			}
			server.Fault(tt.fault)
			tt.opts.RetryTimeout, tt.opts.IfMatch, tt.opts.ChunkSize = -1, etag, 1000
			_, err := read(t.Context(), s3source.Download(client, bucket, key, &tt.opts))
			if got := stream.ClassOf(err); got != tt.want {
				t.Errorf("%v is %v, want %v", err, got, tt.want)
			}

			server.ClearFaults()
			server.Fault(tt.fault)
			got, err := read(t.Context(), resumed(client, tt.opts))
			if tt.resume != (err == nil) || err == nil && !bytes.Equal(got, data) {
				t.Errorf("resumed: %d bytes, %v", len(got), err)
			}
		})
	}
}

// resumed reads an object with one request after another, each for the rest.
func resumed(client *s3.Client, opts s3source.DownloadOptions) stream.Source[[]byte] {
	at := func(offset int64) stream.Source[[]byte] {
		o := opts
		o.Offset += offset
		return s3source.Download(client, bucket, key, &o)
	}
	var pos int64
	return stream.Restart(at(0), func(p []byte) int64 { pos += int64(len(p)); return pos }, at,
		&stream.RestartOptions{Backoff: stream.Backoff{Min: time.Millisecond, MaxRetries: 3}})
}

// TestRefusedConnection has no server at all. The error is retryable, because the server may come
// back.
func TestRefusedConnection(t *testing.T) {
	server, client := newServer(t, nil)
	server.Close()
	_, err := read(context.Background(), s3source.Download(client, bucket, key,
		&s3source.DownloadOptions{RetryTimeout: -1}))
	var op *net.OpError
	if !errors.As(err, &op) || errors.Is(err, io.EOF) || stream.ClassOf(err) != stream.Retryable {
		t.Errorf("%v is %v", err, stream.ClassOf(err))
	}
}
