package s3source_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

func TestConformance(t *testing.T) {
	server, client := newServer(t, nil)
	streamtest.TestSource(t, streamtest.Source[[]byte]{
		New: func(n int) stream.Source[[]byte] {
			name := fmt.Sprint("of-", n)
			server.Put(bucket, name, random(n*10))
			return s3source.Download(client, bucket, name, &s3source.DownloadOptions{ChunkSize: 10})
		},
		Want: func(t *testing.T, n int, out [][]byte) {
			if !bytes.Equal(bytes.Join(out, nil), random(n*10)) {
				t.Error("the output is not the object")
			}
		},
		Stalled: func() stream.Source[[]byte] {
			server.Put(bucket, "stalled", random(10))
			server.Fault(s3test.Fault{Key: "stalled", Times: -1, Before: s3test.Hang})
			return s3source.Download(client, bucket, "stalled", nil)
		},
		RealIO: true,
		Idle:   []string{"net/http.", "internal/poll.", "net."},
	})
}

func TestSizes(t *testing.T) {
	for _, size := range []int{0, 1, 99, 100, 101, 200, 1000} {
		for _, chunk := range []int{0, 1, 100} {
			server, client := newServer(t, nil)
			data := random(size)
			server.Put(bucket, key, data)
			var sizes []int
			var got []byte
			err := s3source.Download(client, bucket, key, &s3source.DownloadOptions{ChunkSize: chunk}).Each(t.Context(),
				func(p []byte) error {
					sizes = append(sizes, len(p))
					got = append(got, p...)
					return nil
				})
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("%d bytes by %d: %d came, %v", size, chunk, len(got), err)
			}
			for i, n := range sizes {
				if chunk > 0 && (n > chunk || n < chunk && i < len(sizes)-1) || n == 0 {
					t.Errorf("%d bytes by %d: chunk %d has %d", size, chunk, i, n)
				}
			}
			if n := len(server.Requests()); n != 1 {
				t.Errorf("%d bytes by %d: %d requests, the checksum proves it by one", size, chunk, n)
			}
			if e := server.Requests()[0].Header.Get("Accept-Encoding"); e != "identity" {
				t.Errorf("Accept-Encoding is %q", e)
			}
		}
	}
}

func TestRanges(t *testing.T) {
	server, client := newServer(t, nil)
	data := random(1000)
	server.Put(bucket, key, data)
	for _, tt := range []struct {
		offset, length int64
		ok             bool
	}{
		{0, 1, true},
		{0, 1000, true},
		{1, 0, true},
		{999, 0, true},
		{999, 1, true},
		{300, 400, true},
		{0, 1001, false},
		{999, 2, false},
		{1000, 0, true},
		{1000, 1, false},
		{5000, 0, false},
		{5000, 1, false},
	} {
		want := data[min(tt.offset, 1000):]
		if tt.length > 0 && tt.ok {
			want = want[:tt.length]
		}
		got, err := read(t.Context(), s3source.Download(client, bucket, key,
			&s3source.DownloadOptions{Offset: tt.offset, Length: tt.length, ChunkSize: 77}))
		if (err == nil) != tt.ok || tt.ok && !bytes.Equal(got, want) || !tt.ok && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d from %d: %d bytes, %v", tt.length, tt.offset, len(got), err)
		}
	}
}

func TestVersions(t *testing.T) {
	server, client := newServer(t, &s3test.Options{Versioned: true})
	first := server.Put(bucket, key, []byte("first"))
	server.Put(bucket, key, []byte("second"))
	for id, want := range map[string]string{"": "second", first.VersionID: "first"} {
		got, err := read(t.Context(), s3source.Download(client, bucket, key, &s3source.DownloadOptions{VersionID: id}))
		if err != nil || string(got) != want {
			t.Errorf("version %q is %q, %v", id, got, err)
		}
	}
	if _, err := read(t.Context(), s3source.Download(client, bucket, key,
		&s3source.DownloadOptions{VersionID: "none"})); !errors.Is(err, s3source.ErrNotFound) {
		t.Errorf("the error is %v", err)
	}
}

// TestIfMatch requests the object with its known ETag, replaced or not, from servers that support
// If-Match and from others.
func TestIfMatch(t *testing.T) {
	ignored := s3test.Fault{Times: always, Before: func(r *s3test.Request) *s3test.Reply {
		r.Header.Del("If-Match")
		return nil
	}}
	unnamed := s3test.Fault{Times: always, After: func(_ *s3test.Request, r *s3test.Reply) { r.Header.Del("Etag") }}
	for _, tt := range []struct {
		name     string
		replaced bool
		fault    *s3test.Fault
		opts     s3source.DownloadOptions
		want     error
	}{
		{name: "the same"},
		{name: "the same, read on", fault: &s3test.Fault{Times: 3, After: s3test.CutAfter(300)}},
		{name: "the same, 500 at first", fault: &s3test.Fault{Times: 2, Before: s3test.Fail(500, "InternalError")}},
		{name: "the same, no checksum", fault: &s3test.Fault{Op: "GetObject", After: without}},
		{name: "a range of the same", opts: s3source.DownloadOptions{Offset: 5, Length: 900}},
		{name: "replaced", replaced: true, want: s3source.ErrObjectChanged},
		{
			name: "a range of one replaced", replaced: true, opts: s3source.DownloadOptions{Offset: 5, Length: 900},
			want: s3source.ErrObjectChanged,
		},
		{name: "the same, If-Match ignored", fault: &ignored},
		{name: "replaced, If-Match ignored", replaced: true, fault: &ignored, want: s3source.ErrObjectChanged},
		{
			name: "a range of one replaced, If-Match ignored", replaced: true, fault: &ignored,
			opts: s3source.DownloadOptions{Offset: 5}, want: s3source.ErrObjectChanged,
		},
		{name: "no ETag to compare", fault: &unnamed, want: s3source.ErrBadReply},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server, client := newServer(t, nil)
			want := server.Put(bucket, key, random(1000))
			if tt.replaced {
				server.Put(bucket, key, random(1001))
			}
			if tt.fault != nil {
				server.Fault(*tt.fault)
			}
			opts := tt.opts
			opts.IfMatch, opts.ChunkSize = want.ETag, 100
			got, err := read(t.Context(), s3source.Download(client, bucket, key, &opts))
			if !errors.Is(err, tt.want) || tt.want != nil && len(got) > 0 {
				t.Errorf("%d bytes came, %v", len(got), err)
			}
			end := int64(1000)
			if opts.Length > 0 {
				end = opts.Offset + opts.Length
			}
			if tt.want == nil && !bytes.Equal(got, want.Body[opts.Offset:end]) {
				t.Errorf("%d bytes came that are not the object's", len(got))
			}
			if h := server.Requests()[0].Header.Get("If-Match"); h != want.ETag &&
				(tt.fault == nil || tt.fault.Before == nil) {
				t.Errorf("the first request asks for %q, want %q", h, want.ETag)
			}
		})
	}
}

func TestBadSettings(t *testing.T) {
	server, client := newServer(t, nil)
	for name, src := range map[string]stream.Source[[]byte]{
		"nil client": s3source.Download(nil, bucket, key, nil),
		"no bucket":  s3source.Download(client, "", key, nil),
		"no key":     s3source.Download(client, bucket, "", nil),
		"long key":   s3source.Download(client, bucket, strings.Repeat("é", 512)+"k", nil),
		"odd key":    s3source.Download(client, bucket, "caf\xe9", nil),
		"any ETag":   s3source.Download(client, bucket, key, &s3source.DownloadOptions{IfMatch: "*"}),
		"two ETags":  s3source.Download(client, bucket, key, &s3source.DownloadOptions{IfMatch: `"a","b"`}),
		"weak ETag":  s3source.Download(client, bucket, key, &s3source.DownloadOptions{IfMatch: `W/"a"`}),
		"no ETag": s3source.Download(client, bucket, key,
			&s3source.DownloadOptions{IfMatch: "\"a\"\r\nRange: bytes=0-1"}),
		"offset": s3source.Download(client, bucket, key, &s3source.DownloadOptions{Offset: -1}),
		"length": s3source.Download(client, bucket, key, &s3source.DownloadOptions{Length: -1}),
		"end":    s3source.Download(client, bucket, key, &s3source.DownloadOptions{Offset: 1<<63 - 1, Length: 1}),
		"chunk":  s3source.Download(client, bucket, key, &s3source.DownloadOptions{ChunkSize: -1}),
		"stall":  s3source.Download(client, bucket, key, &s3source.DownloadOptions{StallTimeout: -1}),
	} {
		if _, err := read(t.Context(), src); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if n := len(server.Requests()); n > 0 {
		t.Errorf("%d requests", n)
	}
}

// TestEarlyEnd is D13: a consumer that stops early or fails leaves nothing open.
func TestEarlyEnd(t *testing.T) {
	server, client := newServer(t, nil)
	server.Put(bucket, key, random(8<<20))
	errEnough := errors.New("enough")
	for range 20 {
		n := 0
		err := s3source.Download(client, bucket, key, nil).Each(t.Context(), func([]byte) error {
			if n++; n == 3 {
				return errEnough
			}
			return nil
		})
		if err != errEnough { //nolint:errorlint // unchanged
			t.Errorf("the error is %v", err)
		}
		r := stream.Reader(t.Context(), s3source.Download(client, bucket, key, nil))
		if _, err := io.ReadFull(r, make([]byte, 1000)); err != nil {
			t.Error(err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

// counting counts the bodies that it has returned and those that were closed.
type counting struct {
	s3source.API
	opened, closed atomic.Int64
}

type countingBody struct {
	io.ReadCloser
	closed *atomic.Int64
}

func (b countingBody) Close() error {
	b.closed.Add(1)
	return b.ReadCloser.Close()
}

func (c *counting) GetObject(ctx context.Context, in *s3.GetObjectInput,
	opts ...func(*s3.Options),
) (*s3.GetObjectOutput, error) {
	out, err := c.API.GetObject(ctx, in, opts...)
	if err == nil {
		c.opened.Add(1)
		out.Body = countingBody{out.Body, &c.closed}
	}
	return out, err
}

// TestBodiesAreClosed ends runs in every way.
func TestBodiesAreClosed(t *testing.T) {
	server, client := newServer(t, nil)
	server.Put(bucket, key, random(100_000))
	errDown := errors.New("downstream")
	for name, run := range map[string]func(ctx context.Context, cancel func(), src stream.Source[[]byte]) error{
		"whole": func(ctx context.Context, _ func(), src stream.Source[[]byte]) error {
			_, err := read(ctx, src)
			return err
		},
		"early end": func(ctx context.Context, _ func(), src stream.Source[[]byte]) error {
			_, err := read(ctx, stream.Via(src, stream.Take[[]byte](2)))
			return err
		},
		"downstream's error": func(ctx context.Context, _ func(), src stream.Source[[]byte]) error {
			if err := src.Each(ctx, func([]byte) error { return errDown }); !errors.Is(err, errDown) {
				return err
			}
			return nil
		},
		"cancellation": func(ctx context.Context, cancel func(), src stream.Source[[]byte]) error {
			if err := src.Each(ctx, func([]byte) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
				return err
			}
			return nil
		},
		"panic": func(ctx context.Context, _ func(), src stream.Source[[]byte]) error {
			defer func() { _ = recover() }()
			return src.Each(ctx, func([]byte) error { panic("downstream") })
		},
		"bad reply, twice": func(ctx context.Context, _ func(), src stream.Source[[]byte]) error {
			server.Fault(s3test.Fault{Times: 2, After: set("Content-Range", "bytes 5-9/10")})
			_, err := read(ctx, src)
			return err
		},
		"cut": func(ctx context.Context, _ func(), src stream.Source[[]byte]) error {
			server.Fault(s3test.Fault{Times: 2, After: s3test.CutAfter(5000)})
			_, err := read(ctx, src)
			return err
		},
	} {
		c := &counting{API: client}
		ctx, cancel := context.WithCancel(t.Context())
		if err := run(ctx, cancel, s3source.Download(c, bucket, key,
			&s3source.DownloadOptions{ChunkSize: 1000})); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		cancel()
		if o, n := c.opened.Load(), c.closed.Load(); o == 0 || o != n {
			t.Errorf("%s: %d of %d bodies were closed", name, n, o)
		}
	}
}

func TestCancel(t *testing.T) {
	server, client := newServer(t, nil)
	server.Put(bucket, key, random(8<<20))
	errCause := errors.New("the caller's reason")
	for _, at := range []int{1, 2, 30} {
		ctx, cancel := context.WithCancelCause(t.Context())
		n := 0
		err := s3source.Download(client, bucket, key, nil).Each(ctx, func([]byte) error {
			if n++; n == at {
				cancel(errCause)
			}
			return nil
		})
		if !errors.Is(err, errCause) || n > at+1 {
			t.Errorf("cancelled at %d of %d: %v", at, n, err)
		}
	}
}
