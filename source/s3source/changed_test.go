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
)

// TestChanged is D1 and D2: the object is replaced or deleted while it is read.
func TestChanged(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*s3test.Server)
		want   error
	}{
		{"replaced", func(s *s3test.Server) { s.Put(bucket, key, random(9_000)) }, s3source.ErrObjectChanged},
		{"replaced, If-Match ignored", func(s *s3test.Server) {
			s.Put(bucket, key, random(9_000))
			s.Fault(s3test.Fault{Times: always, Before: func(r *s3test.Request) *s3test.Reply {
				r.Header.Del("If-Match")
				return nil
			}})
		}, s3source.ErrObjectChanged},
		{"deleted", func(s *s3test.Server) { s.Remove(bucket, key) }, s3source.ErrNotFound},
	} {
		for _, sum := range []bool{true, false} {
			server, client := newServer(t, nil)
			server.Put(bucket, key, random(10_000))
			f := s3test.CutAfter(4000)
			if !sum {
				f = all(without, s3test.Shorten(4000))
			}
			server.Fault(s3test.Fault{After: f})
			n := 0
			err := s3source.Download(client, bucket, key, &s3source.DownloadOptions{ChunkSize: 500}).Each(t.Context(),
				func(p []byte) error {
					if n == 0 {
						tt.change(server)
					}
					n += len(p)
					return nil
				})
			if !errors.Is(err, tt.want) || n > 4000 {
				t.Errorf("%s: %v after %d bytes", tt.name, err, n)
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
