package s3sink_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/sink/s3sink/s3test"
	"github.com/millweir/millweir/stream"
)

// looker is a client that is stopped before it looks at the object, and may change what it saw.
type looker struct {
	*s3.Client
	before func()
	saw    func(*s3.HeadObjectOutput)
}

func (c *looker) HeadObject(ctx context.Context, in *s3.HeadObjectInput, opts ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	if c.before != nil {
		c.before()
	}
	out, err := c.Client.HeadObject(ctx, in, opts...)
	if err == nil && c.saw != nil {
		c.saw(out)
	}
	return out, err
}

// TestConfirm has a service report an object complete without its checksum: what is at the key then may be damaged, or another's.
func TestConfirm(t *testing.T) {
	const size = 250
	wrong := random(size + 1)[:size]
	// completed stores body in place of the parts and reports it by etag, or by its own.
	completed := func(server *s3test.Server, body []byte, etag string) {
		server.Fault(s3test.Fault{Op: "CompleteMultipartUpload", After: func(_ *s3test.Request, r *s3test.Reply) {
			o := server.Put(bucket, key, body)
			if etag == "" {
				etag = o.ETag
			}
			r.Body = []byte(`<CompleteMultipartUploadResult><ETag>` + etag + `</ETag></CompleteMultipartUploadResult>`)
		}})
	}
	none := s3sink.UploadOptions{Checksum: s3sink.ChecksumNone}
	for _, tt := range []struct {
		name      string
		versioned bool
		opts      s3sink.UploadOptions
		service   func(*s3test.Server)
		before    func(*s3test.Server)
		saw       func(*s3.HeadObjectOutput)
		want      error // nil for success
	}{
		{name: "other bytes", service: func(s *s3test.Server) { completed(s, wrong, "") }, want: s3sink.ErrMismatch},
		{
			name: "other bytes, the ETag without quotes", service: func(s *s3test.Server) { completed(s, wrong, "") }, want: s3sink.ErrMismatch,
			saw: func(out *s3.HeadObjectOutput) { *out.ETag = (*out.ETag)[1 : len(*out.ETag)-1] },
		},
		{name: "other bytes, another ETag", service: func(s *s3test.Server) { completed(s, wrong, "x-3") }, want: s3sink.ErrOutcomeUnknown},
		{name: "the bytes, another ETag", service: func(s *s3test.Server) { completed(s, random(size), "x-3") }},
		{name: "fewer bytes", opts: none, service: func(s *s3test.Server) { completed(s, wrong[1:], "") }, want: s3sink.ErrMismatch},
		{name: "fewer bytes, another ETag", opts: none, service: func(s *s3test.Server) { completed(s, wrong[1:], "x-3") }, want: s3sink.ErrOutcomeUnknown},
		{name: "replaced since", opts: none, before: func(s *s3test.Server) { s.Put(bucket, key, random(33)) }},
		{name: "replaced since, versions", opts: none, versioned: true, before: func(s *s3test.Server) { s.Put(bucket, key, random(33)) }},
		{name: "removed since", opts: none, before: func(s *s3test.Server) { s.Remove(bucket, key) }},
		{name: "no length", opts: none, saw: func(out *s3.HeadObjectOutput) { out.ContentLength = nil }},
		{
			name: "a composite checksum", service: func(s *s3test.Server) { completed(s, random(size), "") },
			saw: func(out *s3.HeadObjectOutput) {
				out.ChecksumCRC64NVME, out.ChecksumType = aws.String("AAAAAAAAAAA=-3"), "COMPOSITE"
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server, client := newServer(t, &s3test.Options{MinPartSize: -1, Versioned: tt.versioned})
			if tt.service != nil {
				tt.service(server)
			}
			c := &looker{Client: client, saw: tt.saw}
			if tt.before != nil {
				c.before = func() { tt.before(server) }
			}
			obj, err := stream.Run(t.Context(), chunks(random(size), 10), s3sink.UploadWithin(10_000, c, bucket, key, small(tt.opts)))
			if !errors.Is(err, tt.want) || (err == nil) != (obj.Size == size) {
				t.Errorf("%+v, %v; want %v", obj, err, tt.want)
			}
			if last := server.Requests()[len(server.Requests())-1]; tt.versioned && !slices.Contains(last.Query["versionId"], obj.VersionID) {
				t.Error("the look was not at the version that was stored")
			}
		})
	}
}
