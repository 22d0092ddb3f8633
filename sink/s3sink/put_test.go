package s3sink_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

// TestPutFlipped: over https no signature covers the body, and ChecksumNone sends no checksum. Only
// the ETag shows that a bit was flipped on the way.
func TestPutFlipped(t *testing.T) {
	for _, tt := range []struct {
		name     string
		ifAbsent bool
		fault    s3test.Fault
		fails    bool
	}{
		{name: "once", fault: s3test.Fault{Before: s3test.Flip}},
		{name: "once, if absent", ifAbsent: true, fault: s3test.Fault{Before: s3test.Flip}},
		{name: "always", fault: s3test.Fault{Times: always, Before: s3test.Flip}, fails: true},
		{name: "and lost", fault: s3test.Fault{Times: always, Before: s3test.Flip, After: s3test.Lose}, fails: true},
		{name: "not, but its ETags are no MD5", fault: s3test.Fault{Times: always, After: otherMD5}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server, _ := newServer(t, &s3test.Options{TLS: true})
			client := newClient(server.URL, func(o *s3.Options) { o.HTTPClient = server.HTTPClient() })
			tt.fault.Op = "PutObject"
			server.Fault(tt.fault)
			data := random(50)
			obj, err := stream.Run(t.Context(), chunks(data, 30), s3sink.UploadWithin(10_000, client, bucket, key,
				small(s3sink.UploadOptions{Checksum: s3sink.ChecksumNone, IfAbsent: tt.ifAbsent})))
			switch {
			case tt.fails && !errors.Is(err, s3sink.ErrOutcomeUnknown):
				t.Errorf("the error is %v", err)
			case !tt.fails && err != nil:
				t.Error(err)
			case err == nil && tt.fault.After == nil:
				expectStored(t, server, data, obj)
			}
		})
	}
}

// otherMD5 replies with an ETag that looks like an MD5 and is not one.
func otherMD5(_ *s3test.Request, r *s3test.Reply) {
	r.Header.Set("Etag", `"00000000000000000000000000000000"`)
}
