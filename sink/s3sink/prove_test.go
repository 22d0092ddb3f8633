package s3sink_test

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // S3's ETags are MD5
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

// tokenHeader is the header with the write token.
const tokenHeader = "X-Amz-Meta-Millweir-Write-Token"

// looker is a client that calls before ahead of each HEAD, and saw with the reply, which saw may
// change.
type looker struct {
	*s3.Client
	before func()
	saw    func(*s3.HeadObjectOutput)
}

func (c *looker) HeadObject(ctx context.Context, in *s3.HeadObjectInput,
	opts ...func(*s3.Options),
) (*s3.HeadObjectOutput, error) {
	if c.before != nil {
		c.before()
	}
	out, err := c.Client.HeadObject(ctx, in, opts...)
	if err == nil && c.saw != nil {
		c.saw(out)
	}
	return out, err
}

// token returns the write token that the current run has sent.
func token(server *s3test.Server) string {
	for _, r := range server.Requests() {
		if v := r.Header.Get(tokenHeader); v != "" {
			return v
		}
	}
	return ""
}

// storeAs stores body with the metadata of the current run, like a service that assembles the
// object late or wrongly.
func storeAs(t testing.TB, server *s3test.Server, client *s3.Client, body []byte) *s3test.Object {
	t.Helper()
	b, k := bucket, key
	_, err := client.PutObject(context.Background(), &s3.PutObjectInput{
		Bucket: &b, Key: &k, Body: bytes.NewReader(body),
		Metadata: map[string]string{s3sink.MetadataWriteToken: token(server)},
	})
	if err != nil {
		t.Error(err)
	}
	return server.Object(bucket, key)
}

// result is the body of a reply to CompleteMultipartUpload that has no checksum.
func result(etag string) []byte {
	return []byte(`<CompleteMultipartUploadResult><ETag>` + etag + `</ETag></CompleteMultipartUploadResult>`)
}

// listedETag returns the ETag of the parts that a CompleteMultipartUpload lists.
func listedETag(t testing.TB, r *s3test.Request) string {
	t.Helper()
	var list struct{ Part []struct{ ETag string } }
	if err := xml.Unmarshal(r.Body, &list); err != nil {
		t.Error(err)
	}
	digest := md5.New() //nolint:gosec // see the import
	for _, p := range list.Part {
		raw, err := hex.DecodeString(strings.Trim(p.ETag, `"`))
		if err != nil {
			t.Error(err)
		}
		digest.Write(raw)
	}
	return fmt.Sprintf(`"%x-%d"`, digest.Sum(nil), len(list.Part))
}

// aged makes the object look as if it had been stored a day earlier.
func aged(_ *s3test.Request, r *s3test.Reply) {
	if r.Header.Get("Last-Modified") != "" {
		r.Header.Set("Last-Modified", time.Now().Add(-24*time.Hour).UTC().Format(http.TimeFormat))
	}
}

// TestAbortedByAnother: another client aborts the upload before it is completed. If the key has an
// object, the service then answers 200 like versitygw, with the ETag of the listed parts and
// without a checksum. The object is not ours, even if it has the same bytes.
func TestAbortedByAnother(t *testing.T) {
	const size = 950
	put := func(body []byte, metadata map[string]string) func(*testing.T, *s3test.Server, *s3.Client) {
		return func(t *testing.T, _ *s3test.Server, client *s3.Client) {
			b, k := bucket, key
			in := &s3.PutObjectInput{Bucket: &b, Key: &k, Body: bytes.NewReader(body), Metadata: metadata}
			if _, err := client.PutObject(t.Context(), in); err != nil {
				t.Fatal(err)
			}
		}
	}
	upload := func(t *testing.T, _ *s3test.Server, client *s3.Client) {
		_, err := stream.Run(t.Context(), chunks(random(size), 30), s3sink.UploadWithin(10_000, client, bucket, key,
			small(s3sink.UploadOptions{})))
		if err != nil {
			t.Fatal(err)
		}
	}
	head := func(f func(*s3test.Request, *s3test.Reply)) s3test.Fault {
		return s3test.Fault{Op: "HeadObject", Times: always, After: f}
	}
	for _, tt := range []struct {
		name   string
		old    func(*testing.T, *s3test.Server, *s3.Client)
		faults []s3test.Fault
		want   error

		patience time.Duration // AbortTimeout, if the service is busy
	}{
		{name: "another object", old: put(random(33), nil), want: s3sink.ErrOutcomeUnknown},
		{
			name: "another object, of yesterday", old: put(random(33), nil), want: s3sink.ErrNotStored,
			faults: []s3test.Fault{head(aged)},
		},
		{name: "the same bytes of another tool", old: put(random(size), nil), want: s3sink.ErrOutcomeUnknown},
		{
			name: "the same bytes of another tool, with metadata", old: put(random(size), map[string]string{"a": "b"}),
			want: s3sink.ErrOutcomeUnknown,
		},
		{name: "the same bytes of an earlier run", old: upload, want: s3sink.ErrOutcomeUnknown},
		{
			name: "the same bytes of an earlier run, of yesterday", old: upload, want: s3sink.ErrOutcomeUnknown,
			faults: []s3test.Fault{head(aged)},
		},
		{name: "none", old: func(*testing.T, *s3test.Server, *s3.Client) {}, want: s3sink.ErrOutcomeUnknown},
		{
			name: "another object, HEAD answers 503", old: put(random(33), nil), want: s3sink.ErrOutcomeUnknown,
			patience: 300 * time.Millisecond,
			faults:   []s3test.Fault{{Op: "HeadObject", Times: always, Before: s3test.Fail(503, "SlowDown")}},
		},
		{
			name: "another object, HEAD answers 400", old: put(random(33), nil), want: s3sink.ErrOutcomeUnknown,
			faults: []s3test.Fault{{Op: "HeadObject", Times: always, Before: s3test.Fail(400, "InvalidRequest")}},
		},
	} {
		for name, sum := range map[string]s3sink.Checksum{
			"CRC64NVME":   s3sink.ChecksumCRC64NVME,
			"no checksum": s3sink.ChecksumNone,
		} {
			t.Run(tt.name+", "+name, func(t *testing.T) {
				server, client := newServer(t, anyParts)
				tt.old(t, server, client)
				server.Fault(s3test.Fault{Op: "CompleteMultipartUpload", Before: func(r *s3test.Request) *s3test.Reply {
					server.AbortUpload(bucket, r.UploadID)
					return &s3test.Reply{Body: result(listedETag(t, r))}
				}})
				for _, f := range tt.faults {
					server.Fault(f)
				}
				opts := small(s3sink.UploadOptions{Checksum: sum, AbortTimeout: tt.patience})
				obj, err := stream.Run(t.Context(), chunks(random(size), 30), s3sink.UploadWithin(10_000, client,
					bucket, key, opts))
				if !errors.Is(err, tt.want) || obj != (s3sink.Object{}) {
					t.Errorf("%+v, %v; want %v", obj, err, tt.want)
				}
			})
		}
	}
}

// TestLenientAbort: the service accepts the abort of any upload, so an accepted abort proves
// nothing.
func TestLenientAbort(t *testing.T) {
	for name, reply := range map[string]func(*s3test.Request) *s3test.Reply{
		"success":    func(r *s3test.Request) *s3test.Reply { return &s3test.Reply{Body: result(listedETag(t, r))} },
		"reply lost": s3test.Drop,
	} {
		server, client := newServer(t, anyParts)
		server.Put(bucket, key, random(33))
		server.Fault(s3test.Fault{
			Op: "CompleteMultipartUpload", Times: always,
			Before: func(r *s3test.Request) *s3test.Reply {
				server.AbortUpload(bucket, r.UploadID)
				return reply(r)
			},
		})
		server.Fault(s3test.Fault{
			Op: "AbortMultipartUpload", Times: always,
			Before: func(*s3test.Request) *s3test.Reply {
				return &s3test.Reply{Status: 204}
			},
		})
		_, err := stream.Run(t.Context(), chunks(random(950), 30), s3sink.UploadWithin(10_000, client, bucket, key,
			small(s3sink.UploadOptions{})))
		if !errors.Is(err, s3sink.ErrOutcomeUnknown) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWithoutRightToLook has a writer without the right to read. It trusts a success without a
// checksum only in the two cases of the package comment.
func TestWithoutRightToLook(t *testing.T) {
	hidden := s3test.Fault{Op: "HeadObject", Times: always, Before: s3test.Fail(403, "AccessDenied")}
	unsummed := func(r *s3test.Request, reply *s3test.Reply) { reply.Body = result(listedETag(t, r)) }
	silentPart := func(_ *s3test.Request, r *s3test.Reply) { r.Header.Del("X-Amz-Checksum-Crc64nvme") }
	for _, tt := range []struct {
		name   string
		size   int
		opts   s3sink.UploadOptions
		faults []s3test.Fault
		want   error // nil for success
	}{
		{name: "checksum in the reply", size: 950},
		{name: "put, checksum in the reply", size: 50},
		{
			name: "no checksum in the reply, but of the parts", size: 950, want: s3sink.ErrOutcomeUnknown,
			faults: []s3test.Fault{{Op: "CompleteMultipartUpload", After: unsummed}},
		},
		{
			name: "no checksum in any reply", size: 950,
			faults: []s3test.Fault{{Op: "CompleteMultipartUpload", After: unsummed}, {
				Op: "UploadPart", Times: always,
				After: silentPart,
			}},
		},
		{
			name: "ChecksumNone", size: 950, opts: s3sink.UploadOptions{Checksum: s3sink.ChecksumNone},
			faults: []s3test.Fault{{Op: "CompleteMultipartUpload", After: unsummed}},
		},
		{name: "put, the body's MD5", size: 50, faults: []s3test.Fault{{Op: "PutObject", After: silentPart}}},
		{
			name: "put, another ETag", size: 50, want: s3sink.ErrOutcomeUnknown,
			faults: []s3test.Fault{{Op: "PutObject", After: func(r *s3test.Request, reply *s3test.Reply) {
				silentPart(r, reply)
				reply.Header.Set("Etag", `"of-a-page"`)
			}}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server, client := newServer(t, anyParts)
			server.Fault(hidden)
			for _, f := range tt.faults {
				server.Fault(f)
			}
			obj, err := stream.Run(t.Context(), chunks(random(tt.size), 30), s3sink.UploadWithin(10_000, client, bucket,
				key, small(tt.opts)))
			if !errors.Is(err, tt.want) || (err == nil) != (obj.Size == int64(tt.size)) {
				t.Errorf("%+v, %v; want %v", obj, err, tt.want)
			}
		})
	}
}

// TestRightToLookAtCurrent has a writer that may read only the current version.
func TestRightToLookAtCurrent(t *testing.T) {
	server, client := newServer(t, &s3test.Options{MinPartSize: -1, Versioned: true})
	server.Fault(s3test.Fault{Op: "CompleteMultipartUpload", After: func(r *s3test.Request, reply *s3test.Reply) {
		reply.Body = result(listedETag(t, r))
	}})
	server.Fault(s3test.Fault{Op: "HeadObject", Times: always, Before: func(r *s3test.Request) *s3test.Reply {
		if len(r.Query["versionId"]) > 0 {
			return s3test.Fail(403, "AccessDenied")(r)
		}
		return nil
	}})
	obj, err := stream.Run(t.Context(), chunks(random(950), 30), s3sink.UploadWithin(10_000, client, bucket, key,
		small(s3sink.UploadOptions{})))
	if err != nil {
		t.Fatal(err)
	}
	expectStored(t, server, random(950), obj)
}
