package s3source_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// TestChanged is D1, D2 and D15: the object is replaced, deleted or archived while it is read. None
// of the other object's bytes may come, even if it has the same size.
func TestChanged(t *testing.T) {
	old := random(10_000)
	sameSize := bytes.Clone(old)
	for i := range sameSize {
		sameSize[i] ^= 0xff
	}
	put := func(body []byte) func(*s3test.Server) {
		return func(s *s3test.Server) { s.Put(bucket, key, body) }
	}
	for _, tt := range []struct {
		name   string
		change func(*s3test.Server)
		want   error
	}{
		{"replaced", put(random(9_000)), s3source.ErrObjectChanged},
		{"replaced by one of the same size", put(sameSize), s3source.ErrObjectChanged},
		{"replaced, If-Match ignored", func(s *s3test.Server) {
			s.Put(bucket, key, sameSize)
			s.Fault(s3test.Fault{Times: always, Before: func(r *s3test.Request) *s3test.Reply {
				r.Header.Del("If-Match")
				return nil
			}})
		}, s3source.ErrObjectChanged},
		{"deleted", func(s *s3test.Server) { s.Remove(bucket, key) }, s3source.ErrNotFound},
		{"deleted with its bucket", func(s *s3test.Server) {
			s.Fault(s3test.Fault{Times: always, Before: s3test.Fail(http.StatusNotFound, "NoSuchBucket")})
		}, s3source.ErrNotFound},
		{"archived", func(s *s3test.Server) {
			s.Fault(s3test.Fault{
				Op: "GetObject", Times: always, Before: s3test.Fail(http.StatusForbidden, "InvalidObjectState"),
			})
		}, s3source.ErrArchived},
	} {
		for name, opts := range map[string]s3source.DownloadOptions{
			"one by one": {}, "a range": {Length: 9_500}, "in parts": {Parallelism: 2, PartSize: 1000},
			"not verified": {Verify: s3source.VerifyLength},
		} {
			for _, cut := range []func(*s3test.Request, *s3test.Reply){
				s3test.CutAfter(4000), all(without, s3test.Shorten(4000)),
			} {
				server, client := newServer(t, nil)
				server.Put(bucket, key, old)
				switch {
				case opts.Length > 0: // a short reply to it is refused at once
					server.Fault(s3test.Fault{After: s3test.CutAfter(4000)})
				case opts.Parallelism == 0:
					server.Fault(s3test.Fault{After: cut})
				}
				opts.ChunkSize = 500
				n := 0
				err := s3source.Download(client, bucket, key, &opts).Each(t.Context(), func(p []byte) error {
					if n == 0 {
						tt.change(server)
					}
					if !bytes.HasPrefix(old[n:], p) {
						t.Errorf("%s, %s: bytes of another object came", tt.name, name)
					}
					n += len(p)
					return nil
				})
				if !errors.Is(err, tt.want) || n > 4000 || stream.ClassOf(err) != stream.Fatal {
					t.Errorf("%s, %s: %v after %d bytes", tt.name, name, err, n)
				}
			}
		}
	}
}

// TestReadOn checks the requests for the rest of an object: each has the range of the rest, and the
// ETag of the first reply.
func TestReadOn(t *testing.T) {
	server, client := newServer(t, nil)
	o := server.Put(bucket, key, random(10_000))
	server.Fault(s3test.Fault{Times: 2, After: s3test.CutAfter(4000)})
	if got, err := read(t.Context(), s3source.Download(client, bucket, key, nil)); err != nil ||
		!bytes.Equal(got, o.Body) {
		t.Fatalf("%d bytes came, %v", len(got), err)
	}
	for i, want := range [][2]string{{"", ""}, {"bytes=4000-9999", o.ETag}, {"bytes=8000-9999", o.ETag}} {
		if h := server.Requests()[i].Header; h.Get("Range") != want[0] || h.Get("If-Match") != want[1] {
			t.Errorf("request %d asks for %q of %q, want %q", i, h.Get("Range"), h.Get("If-Match"), want)
		}
	}
}

func TestRefusals(t *testing.T) {
	server, client := newServer(t, nil)
	server.Put(bucket, key, random(10))
	if _, err := read(t.Context(), s3source.Download(client, bucket, "none", nil)); !errors.Is(err,
		s3source.ErrNotFound) {
		t.Errorf("no key: %v", err)
	}
	if _, err := read(t.Context(), s3source.Download(client, "none", key, nil)); !errors.Is(err, s3source.ErrNotFound) {
		t.Errorf("no bucket: %v", err)
	}
	server.Fault(s3test.Fault{Before: s3test.Fail(http.StatusForbidden, "InvalidObjectState")})
	var state *types.InvalidObjectState
	if _, err := read(t.Context(), s3source.Download(client, bucket, key, nil)); !errors.As(err, &state) ||
		!errors.Is(err, s3source.ErrArchived) { // D15
		t.Errorf("archived: %v", err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 0, io.ErrClosedPipe)
	defer cancel()
	if _, err := read(ctx, s3source.Download(client, bucket, key, nil)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("no time: %v", err)
	}
}
