package s3sink_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

// TestLatePut: the first put gets no reply, and the later ones are refused. The service may still
// store the first one after the run has ended.
func TestLatePut(t *testing.T) {
	const size = 50
	silence := s3sink.UploadOptions{StallTimeout: 100 * time.Millisecond, RetryTimeout: 200 * time.Millisecond}
	for _, tt := range []struct {
		name  string
		opts  s3sink.UploadOptions
		old   []byte
		first func(*s3test.Request) *s3test.Reply
		then  func(*s3test.Request) *s3test.Reply
	}{
		{name: "500", opts: silence, first: s3test.Hang, then: s3test.Fail(500, "InternalError")},
		{name: "503", opts: silence, first: s3test.Hang, then: s3test.Fail(503, "SlowDown")},
		{name: "403", opts: silence, first: s3test.Hang, then: s3test.Fail(403, "AccessDenied")},
		{
			name: "403, older object", opts: silence, old: random(3), first: s3test.Hang,
			then: s3test.Fail(403, "AccessDenied"),
		},
		{name: "no answer", opts: silence, first: s3test.Drop, then: s3test.Fail(500, "InternalError")},
		{
			name: "a gateway's answer", first: s3test.Fail(504, "GatewayTimeout"),
			then: s3test.Fail(500, "InternalError"),
		},
		{name: "a gateway's empty 503", first: gateway(503, ""), then: s3test.Fail(500, "InternalError")},
		{
			name: "a gateway's page with 503", first: gateway(503, "<html>Busy</html>"),
			then: s3test.Fail(500, "InternalError"),
		},
		{name: "a gateway's text with 503", first: gateway(503, "busy"), then: s3test.Fail(500, "InternalError")},
		{
			name: "a gateway's page with 522", first: gateway(522, "<html>Timeout</html>"),
			then: s3test.Fail(500, "InternalError"),
		},
		{
			name: "conflict", opts: s3sink.UploadOptions{IfAbsent: true}, first: s3test.Drop,
			then: s3test.Fail(409, "ConditionalRequestConflict"),
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server, client := newServer(t, anyParts)
			if tt.old != nil {
				server.Put(bucket, key, tt.old)
			}
			var late []byte
			server.Fault(s3test.Fault{Op: "PutObject", Before: func(r *s3test.Request) *s3test.Reply {
				late = bytes.Clone(r.Body)
				return tt.first(r)
			}})
			server.Fault(s3test.Fault{Op: "PutObject", Times: always, Before: tt.then})
			_, err := stream.Run(t.Context(), chunks(random(size), 10), s3sink.UploadWithin(10_000, client, bucket, key,
				small(tt.opts)))
			if !errors.Is(err, s3sink.ErrOutcomeUnknown) {
				t.Errorf("the error is %v", err)
			}
			if len(late) != size {
				t.Errorf("there are %d bytes to be stored yet", len(late))
			}
		})
	}
}

// TestLateComplete: the service accepts the last request without a reply. The object appears some
// time later, or not before the run has ended.
func TestLateComplete(t *testing.T) {
	const size = 250
	for _, tt := range []struct {
		name  string
		after time.Duration // 0 if it appears too late
		old   []byte
		want  error // nil for success
	}{
		{name: "a moment later", after: 600 * time.Millisecond},
		{name: "a moment later, older object", after: 600 * time.Millisecond, old: random(3)},
		{name: "too late", want: s3sink.ErrOutcomeUnknown},
		{name: "another's, same bytes", old: random(size), want: s3sink.ErrOutcomeUnknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server, client := newServer(t, anyParts)
			if tt.old != nil {
				server.Put(bucket, key, tt.old)
			}
			server.Fault(s3test.Fault{Op: "CompleteMultipartUpload", Before: func(r *s3test.Request) *s3test.Reply {
				server.AbortUpload(bucket, r.UploadID) // the upload no longer exists
				if tt.after > 0 {
					time.AfterFunc(tt.after, func() { storeAs(t, server, client, random(size)) })
				}
				return &s3test.Reply{Hang: true}
			}})
			opts := small(s3sink.UploadOptions{StallTimeout: 100 * time.Millisecond})
			obj, err := stream.Run(t.Context(), chunks(random(size), 10), s3sink.UploadWithin(10_000, client, bucket,
				key, opts))
			if !errors.Is(err, tt.want) || (err == nil) != (obj.Size == size) {
				t.Errorf("%+v, %v; want %v", obj, err, tt.want)
			}
		})
	}
}

// TestRepeatedComplete: a proxy sends the last request twice and returns the second reply. The
// upload no longer exists, because it is complete.
func TestRepeatedComplete(t *testing.T) {
	for _, sum := range []s3sink.Checksum{s3sink.ChecksumCRC64NVME, s3sink.ChecksumNone} {
		server, client := newServer(t, anyParts)
		server.Fault(s3test.Fault{Op: "CompleteMultipartUpload", After: func(r *s3test.Request, reply *s3test.Reply) {
			*reply = *s3test.Fail(404, "NoSuchUpload")(r)
		}})
		obj, err := stream.Run(t.Context(), chunks(random(250), 10),
			s3sink.UploadWithin(10_000, client, bucket, key, small(s3sink.UploadOptions{Checksum: sum})))
		if err != nil {
			t.Errorf("the error is %v", err)
			continue
		}
		expectStored(t, server, random(250), obj)
	}
}

// hasty is a transport that returns the reply before it has reported that the request was sent,
// which occasionally happens.
type hasty struct{ *http.Client }

func (h hasty) Do(r *http.Request) (*http.Response, error) {
	httptrace.ContextClientTrace(r.Context()).GetConn(r.Host)
	return h.Client.Do(r.WithContext(context.Background()))
}

// TestHastyReply: the service executes a put and replies with an error.
func TestHastyReply(t *testing.T) {
	server, client := newServer(t, anyParts)
	server.Fault(s3test.Fault{Op: "PutObject", Times: always, After: func(r *s3test.Request, reply *s3test.Reply) {
		*reply = *s3test.Fail(500, "InternalError")(r)
	}})
	options := client.Options()
	options.HTTPClient = hasty{&http.Client{}}
	obj, err := stream.Run(t.Context(), chunks(random(50), 10),
		s3sink.UploadWithin(10_000, s3.New(options), bucket, key, small(s3sink.UploadOptions{})))
	if err != nil {
		t.Fatal(err)
	}
	expectStored(t, server, random(50), obj)
}

// deaf is a client that drops the options of each call, and may lose the reply to a put.
type deaf struct {
	*s3.Client
	lose bool
}

var errLost = errors.New("the reply is lost")

func (c *deaf) PutObject(ctx context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput,
	error,
) {
	out, err := c.Client.PutObject(ctx, in)
	if c.lose {
		return nil, errLost
	}
	return out, err
}

// TestDeafClient: a custom client drops the options that observe the attempts. Its error does not
// prove that nothing was stored.
func TestDeafClient(t *testing.T) {
	for _, tt := range []struct {
		name   string
		lose   bool
		faults []s3test.Fault
		want   error // nil for success
		err    func(error) bool
	}{
		{name: "well"},
		{name: "stored, the reply lost", lose: true},
		{name: "not stored, no reply", lose: true, want: s3sink.ErrOutcomeUnknown, faults: []s3test.Fault{
			{Op: "PutObject", Times: always, Before: s3test.Drop},
		}},
		{
			name: "refused", err: coded("AccessDenied"),
			faults: []s3test.Fault{{Times: always, Before: s3test.Fail(403, "AccessDenied")}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server, client := newServer(t, anyParts)
			for _, f := range tt.faults {
				server.Fault(f)
			}
			obj, err := stream.Run(t.Context(), chunks(random(50), 10),
				s3sink.UploadWithin(10_000, &deaf{client, tt.lose}, bucket, key, small(s3sink.UploadOptions{})))
			switch {
			case tt.err != nil:
				if !tt.err(err) || errors.Is(err, s3sink.ErrOutcomeUnknown) {
					t.Errorf("the error is %v", err)
				}
			case !errors.Is(err, tt.want):
				t.Errorf("the error is %v, want %v", err, tt.want)
			case err == nil:
				expectStored(t, server, random(50), obj)
			}
		})
	}
}

// gateway returns a reply of a gateway: it has no error code of S3.
func gateway(status int, body string) func(*s3test.Request) *s3test.Reply {
	return func(*s3test.Request) *s3test.Reply { return &s3test.Reply{Status: status, Body: []byte(body)} }
}

// TestPutReplaced: the service stores the object, answers 500, and another client replaces the
// object. An object that is older than the run proves that it was not stored.
func TestPutReplaced(t *testing.T) {
	for _, older := range []bool{false, true} {
		server, client := newServer(t, anyParts)
		server.Fault(s3test.Fault{Op: "PutObject", Times: always, After: func(_ *s3test.Request, r *s3test.Reply) {
			server.Put(bucket, key, []byte("another's"))
			*r = *s3test.Fail(500, "InternalError")(nil)
		}})
		if older {
			server.Fault(s3test.Fault{Op: "HeadObject", Times: always, After: aged})
		}
		_, err := stream.Run(t.Context(), chunks(random(50), 10), s3sink.UploadWithin(10_000, client, bucket, key,
			small(s3sink.UploadOptions{})))
		if err == nil || errors.Is(err, s3sink.ErrOutcomeUnknown) == older {
			t.Errorf("the object at the key is older: %v; the error is %v", older, err)
		}
	}
}
