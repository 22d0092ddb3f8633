package s3sink_test

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

// TestFollowedRedirect: a plain http.Client turns a redirected request into a GET. The 200 belongs
// to another object.
func TestFollowedRedirect(t *testing.T) {
	for op, size := range map[string]int{
		"PutObject": 50, "CompleteMultipartUpload": 950,
		"CreateMultipartUpload": 950,
	} {
		for _, status := range []int{301, 302, 303} {
			server, client := newServer(t, anyParts)
			server.Put(bucket, key, random(size)) // it even has the same bytes
			options := client.Options()
			options.HTTPClient = &http.Client{}
			server.Fault(s3test.Fault{Op: op, Before: func(*s3test.Request) *s3test.Reply {
				return &s3test.Reply{
					Status: status,
					Header: http.Header{"Location": {server.URL + "/" + bucket + "/" + key}},
				}
			}})
			_, err := stream.Run(t.Context(), chunks(random(size), 30),
				s3sink.UploadWithin(10_000, s3.New(options), bucket, key, small(s3sink.UploadOptions{})))
			if err == nil || errors.Is(err, s3sink.ErrOutcomeUnknown) || stream.ClassOf(err) != stream.Fatal {
				t.Errorf("%s, %d: %v", op, status, err)
			}
			if u := server.Uploads(bucket); len(u) > 0 {
				t.Errorf("%s, %d: uploads are pending: %v", op, status, u)
			}
		}
	}
}

// TestConfirm: the service reports an object as complete, without its checksum. The object at the
// key may be damaged, or belong to another writer.
func TestConfirm(t *testing.T) {
	const size = 250
	wrong := random(size + 1)[:size]
	type service func(*testing.T, *s3test.Server, *s3.Client)
	// completed stores body in place of the parts, and reports etag, or the ETag of body if etag is
	// "".
	completed := func(body []byte, etag string) service {
		return func(t *testing.T, server *s3test.Server, client *s3.Client) {
			server.Fault(s3test.Fault{Op: "CompleteMultipartUpload", After: func(_ *s3test.Request, r *s3test.Reply) {
				o := storeAs(t, server, client, body)
				r.Body = result(cmp.Or(etag, o.ETag))
			}})
		}
	}
	unsummed := func(t *testing.T, server *s3test.Server, _ *s3.Client) {
		server.Fault(s3test.Fault{Op: "CompleteMultipartUpload", After: func(r *s3test.Request, reply *s3test.Reply) {
			reply.Body = result(listedETag(t, r))
		}})
	}
	none := s3sink.UploadOptions{Checksum: s3sink.ChecksumNone}
	for _, tt := range []struct {
		name      string
		versioned bool
		opts      s3sink.UploadOptions
		service   service // nil for a service that works and sends no checksum
		before    func(*s3test.Server)
		saw       func(*s3.HeadObjectOutput)
		want      error // nil for success
	}{
		{name: "other bytes", service: completed(wrong, ""), want: s3sink.ErrMismatch},
		{
			name: "other bytes, the ETag without quotes", service: completed(wrong, ""), want: s3sink.ErrMismatch,
			saw: func(out *s3.HeadObjectOutput) { *out.ETag = (*out.ETag)[1 : len(*out.ETag)-1] },
		},
		{name: "other bytes, another ETag", service: completed(wrong, "x-3"), want: s3sink.ErrOutcomeUnknown},
		{name: "the bytes, another ETag", service: completed(random(size), "x-3")},
		{name: "fewer bytes", opts: none, service: completed(wrong[1:], ""), want: s3sink.ErrMismatch},
		{
			name: "fewer bytes, another ETag", opts: none, service: completed(wrong[1:], "x-3"),
			want: s3sink.ErrOutcomeUnknown,
		},
		{name: "well", opts: none},
		{name: "replaced since", opts: none, before: func(s *s3test.Server) {
			s.Put(bucket, key, random(33))
		}, want: s3sink.ErrOutcomeUnknown},
		{name: "replaced since by the same bytes", opts: none, before: func(s *s3test.Server) {
			s.Put(bucket, key, random(size))
		}, want: s3sink.ErrOutcomeUnknown},
		{name: "replaced since, versions", opts: none, versioned: true, before: func(s *s3test.Server) {
			s.Put(bucket, key, random(33))
		}},
		{name: "removed since", opts: none, before: func(s *s3test.Server) {
			s.Remove(bucket, key)
		}, want: s3sink.ErrOutcomeUnknown},
		{name: "no length", opts: none, saw: func(out *s3.HeadObjectOutput) { out.ContentLength = nil }},
		{name: "nothing but a token", opts: none, saw: func(out *s3.HeadObjectOutput) {
			out.ContentLength, out.ETag = nil, nil
		}, want: s3sink.ErrOutcomeUnknown},
		{name: "metadata dropped", opts: none, saw: func(out *s3.HeadObjectOutput) {
			out.Metadata = nil
		}, want: s3sink.ErrOutcomeUnknown},
		{name: "metadata in capitals", opts: none, saw: func(out *s3.HeadObjectOutput) {
			for k, v := range out.Metadata {
				delete(out.Metadata, k)
				out.Metadata[strings.ToUpper(k)] = v
			}
		}},
		{
			name: "a composite checksum", service: completed(random(size), ""),
			saw: func(out *s3.HeadObjectOutput) {
				out.ChecksumCRC64NVME, out.ChecksumType = aws.String("AAAAAAAAAAA=-3"), "COMPOSITE"
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server, client := newServer(t, &s3test.Options{MinPartSize: -1, Versioned: tt.versioned})
			if tt.service == nil {
				tt.service = unsummed
			}
			tt.service(t, server, client)
			c := &looker{Client: client, saw: tt.saw}
			if tt.before != nil {
				c.before = func() { tt.before(server) }
			}
			obj, err := stream.Run(t.Context(), chunks(random(size), 10), s3sink.UploadWithin(10_000, c, bucket, key,
				small(tt.opts)))
			if !errors.Is(err, tt.want) || (err == nil) != (obj.Size == size) {
				t.Errorf("%+v, %v; want %v", obj, err, tt.want)
			}
			if last := server.Requests()[len(server.Requests())-1]; tt.versioned &&
				!slices.Contains(last.Query["versionId"], obj.VersionID) {
				t.Error("the look was not at the version that was stored")
			}
		})
	}
}

// TestToken: every object has its own token in addition to the caller's metadata, which is
// unchanged.
func TestToken(t *testing.T) {
	server, client := newServer(t, anyParts)
	metadata := map[string]string{"origin": "orders"}
	seen := map[string]bool{}
	for _, size := range []int{0, 50, 50, 950, 950} {
		upload := s3sink.UploadWithin(10_000, client, bucket, key, small(s3sink.UploadOptions{Metadata: metadata}))
		for range 2 { // two runs of one sink
			if _, err := stream.Run(t.Context(), chunks(random(size), 30), upload); err != nil {
				t.Fatal(err)
			}
			h := server.Object(bucket, key).Header
			token := h.Get(tokenHeader)
			if len(token) < 26 || seen[token] || h.Get("X-Amz-Meta-Origin") != "orders" || len(metadata) != 1 {
				t.Errorf("%d bytes: the token is %q, the metadata %v", size, token, h)
			}
			seen[token] = true
		}
	}
}
