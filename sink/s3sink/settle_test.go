package s3sink_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/sink/s3sink/s3test"
	"github.com/millweir/millweir/stream"
)

// TestLatePut has no reply come to the first put, and a refusal to those after it. The service stores the first one yet, once the run has ended.
func TestLatePut(t *testing.T) {
	const size = 50
	silence := s3sink.UploadOptions{RequestTimeout: 100 * time.Millisecond, SlowDownTimeout: 200 * time.Millisecond}
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
		{name: "403, older object", opts: silence, old: random(3), first: s3test.Hang, then: s3test.Fail(403, "AccessDenied")},
		{name: "no answer", opts: silence, first: s3test.Drop, then: s3test.Fail(500, "InternalError")},
		{name: "a gateway's answer", first: s3test.Fail(504, "GatewayTimeout"), then: s3test.Fail(500, "InternalError")},
		{name: "conflict", opts: s3sink.UploadOptions{IfAbsent: true}, first: s3test.Drop, then: s3test.Fail(409, "ConditionalRequestConflict")},
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
			_, err := stream.Run(t.Context(), chunks(random(size), 10), s3sink.UploadWithin(10_000, client, bucket, key, small(tt.opts)))
			if !errors.Is(err, s3sink.ErrOutcomeUnknown) {
				t.Errorf("the error is %v", err)
			}
			if len(late) != size {
				t.Errorf("there are %d bytes to be stored yet", len(late))
			}
		})
	}
}

// deaf is a client that passes on no options, and loses the reply to a put.
type deaf struct {
	*s3.Client
	lose bool
}

var errLost = errors.New("the reply is lost")

func (c *deaf) PutObject(ctx context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	out, err := c.Client.PutObject(ctx, in)
	if c.lose {
		return nil, errLost
	}
	return out, err
}

// TestDeafClient has a client of the caller's own show nothing of its tries: what it reports is no proof that nothing was stored.
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
		{name: "refused", err: coded("AccessDenied"), faults: []s3test.Fault{{Times: always, Before: s3test.Fail(403, "AccessDenied")}}},
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
