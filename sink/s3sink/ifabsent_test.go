package s3sink_test

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

// TestIfAbsentLooksFirst: an existing object is found before the stream is read, if the client may
// send a HEAD.
func TestIfAbsentLooksFirst(t *testing.T) {
	for _, size := range []int{0, 50, 950} {
		for name, tt := range map[string]struct {
			old   bool
			fault s3test.Fault
			reads bool // the stream is read
			want  error
		}{
			"absent": {reads: true},
			"exists": {old: true, want: s3sink.ErrExists},
			"exists, no right to look": {old: true, fault: s3test.Fault{
				Op:     "HeadObject",
				Before: s3test.Fail(403, "AccessDenied"),
			}, reads: true, want: s3sink.ErrExists},
			"exists, HEAD fails for a while": {old: true, fault: s3test.Fault{
				Op: "HeadObject", Times: 2,
				Before: s3test.Fail(500, "InternalError"),
			}, want: s3sink.ErrExists},
			"absent, HEAD is answered by a proxy": {fault: s3test.Fault{
				Op: "HeadObject", Before: func(*s3test.Request) *s3test.Reply { return &s3test.Reply{} },
			}, reads: true},
			"exists, HEAD is answered by a proxy": {old: true, fault: s3test.Fault{
				Op: "HeadObject", Before: func(*s3test.Request) *s3test.Reply { return &s3test.Reply{} },
			}, reads: true, want: s3sink.ErrExists},
			"absent, HEAD fails all the time": {fault: s3test.Fault{
				Op: "HeadObject", Times: 3,
				Before: s3test.Fail(500, "InternalError"),
			}, reads: true},
		} {
			server, client := newServer(t, anyParts)
			if tt.old {
				server.Put(bucket, key, random(3))
			}
			if tt.fault.Op != "" {
				server.Fault(tt.fault)
			}
			read := false
			src := stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
				read = true
				return chunks(random(size), 30).Each(ctx, emit)
			})
			_, err := stream.Run(t.Context(), src, s3sink.UploadWithin(10_000, client, bucket, key,
				small(s3sink.UploadOptions{IfAbsent: true})))
			if !errors.Is(err, tt.want) || read != tt.reads {
				t.Errorf("%s, %d bytes: %v, the stream was read: %v", name, size, err, read)
			}
			if !tt.reads && server.Count("HeadObject") != len(server.Requests()) {
				t.Errorf("%s, %d bytes: %d requests beside HEAD", name, size,
					len(server.Requests())-server.Count("HeadObject"))
			}
			if u := server.Uploads(bucket); len(u) > 0 {
				t.Errorf("%s, %d bytes: uploads are pending: %v", name, size, u)
			}
		}
	}
}

// TestBrokenOff: the server closes the connection before it has read a put, as some servers do when
// they reject a request. The error says how the server answers a HEAD.
func TestBrokenOff(t *testing.T) {
	const size = 16 << 20 // more than the sockets hold
	forbidden := s3test.Fault{Op: "HeadObject", Times: always, Before: s3test.Fail(403, "AccessDenied")}
	for name, tt := range map[string]struct {
		opts   s3sink.UploadOptions
		since  bool // another client stores the object meanwhile
		faults []s3test.Fault
		want   error // in addition to ErrBrokenOff
		class  stream.Class
		status int
		gone   bool // no request is answered
	}{
		"no more is known": {class: stream.Retryable},
		"no right":         {faults: []s3test.Fault{forbidden}, class: stream.Fatal, status: 403},
		"exists since": {
			opts: s3sink.UploadOptions{IfAbsent: true}, since: true, want: s3sink.ErrExists,
			class: stream.Fatal,
		},
		"replaced since": {since: true, class: stream.Retryable},
		"nothing is answered": {
			faults: []s3test.Fault{{Op: "HeadObject", Times: always, Before: s3test.Drop}},
			gone:   true, class: stream.Retryable,
		},
		"service is busy, but here": {faults: []s3test.Fault{{
			Op: "HeadObject", Times: always,
			Before: s3test.Fail(503, "SlowDown"),
		}}, class: stream.Throttled, status: 503},
	} {
		t.Run(name, func(t *testing.T) {
			server, _ := newServer(t, nil)
			client := newClient(server.URL, func(o *s3.Options) {
				o.Retryer = aws.NopRetryer{}
				o.ContinueHeaderThresholdBytes = -1 // the body is sent at once
			})
			server.Fault(s3test.Fault{
				Op: "PutObject", Times: always, Unread: true,
				Before: func(*s3test.Request) *s3test.Reply {
					if tt.since {
						server.Put(bucket, key, random(3))
					}
					return s3test.Drop(nil)
				},
			})
			for _, f := range tt.faults {
				server.Fault(f)
			}
			tt.opts.PartSize = size
			tt.opts.RetryTimeout = -1
			_, err := stream.Run(t.Context(), chunks(random(size), 1<<20), s3sink.Upload(client, bucket, key, &tt.opts))
			if err == nil || errors.Is(err, s3sink.ErrOutcomeUnknown) ||
				errors.Is(err, s3sink.ErrBrokenOff) == tt.gone ||
				tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("the error is %v", err)
			}
			if got := stream.ClassOf(err); got != tt.class {
				t.Errorf("%v is %v, want %v", err, got, tt.class)
			}
			var reply interface{ HTTPStatusCode() int }
			if tt.status != 0 && (!errors.As(err, &reply) || reply.HTTPStatusCode() != tt.status) {
				t.Errorf("the error does not carry the reply: %v", err)
			}
		})
	}
}

// TestPartBrokenOff: the server closes the connection during a part, after it has begun the upload.
// The error says that there is a server.
func TestPartBrokenOff(t *testing.T) {
	server, client := newServer(t, anyParts)
	server.Fault(s3test.Fault{Op: "UploadPart", Times: always, Before: s3test.Drop})
	_, err := stream.Run(t.Context(), chunks(random(950), 30), s3sink.UploadWithin(10_000, client, bucket, key,
		small(s3sink.UploadOptions{})))
	if !errors.Is(err, s3sink.ErrBrokenOff) || stream.ClassOf(err) != stream.Retryable {
		t.Errorf("the error is %v, %v", err, stream.ClassOf(err))
	}
	expectNothing(t, server)
}
