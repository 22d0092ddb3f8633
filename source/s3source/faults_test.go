package s3source_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/source/s3source"
)

const (
	always = -1
	brief  = 300 * time.Millisecond // a RetryTimeout for failures that do not pass
)

// all applies several changes to a reply.
func all(fs ...func(*s3test.Request, *s3test.Reply)) func(*s3test.Request, *s3test.Reply) {
	return func(req *s3test.Request, r *s3test.Reply) {
		for _, f := range fs {
			f(req, r)
		}
	}
}

// without removes the checksum from a reply. With KMS the ETag is not an MD5.
func without(_ *s3test.Request, r *s3test.Reply) {
	r.Header.Del("X-Amz-Checksum-Crc64nvme")
	r.Header.Del("X-Amz-Checksum-Type")
	r.Header.Set("X-Amz-Server-Side-Encryption", "aws:kms")
}

// untagged removes the ETag from a reply.
func untagged(_ *s3test.Request, r *s3test.Reply) { r.Header.Del("Etag") }

// chunked sends a reply without its length.
func chunked(_ *s3test.Request, r *s3test.Reply) { r.NoLength = true }

// set changes a header of a reply.
func set(k, v string) func(*s3test.Request, *s3test.Reply) {
	return func(_ *s3test.Request, r *s3test.Reply) { r.Header.Set(k, v) }
}

// flip changes a byte of a reply's body.
func flip(_ *s3test.Request, r *s3test.Reply) {
	r.Body = bytes.Clone(r.Body)
	r.Body[len(r.Body)/2] ^= 1
}

func TestFaults(t *testing.T) {
	data := random(10_000)
	for _, tt := range []struct {
		name   string
		opts   s3source.DownloadOptions
		faults []s3test.Fault
		want   error // nil for the whole object
		broken bool  // any error is expected
	}{
		{name: "500 once", faults: []s3test.Fault{{Before: s3test.Fail(500, "InternalError")}}},
		{
			name: "500 always", broken: true, opts: s3source.DownloadOptions{RetryTimeout: brief},
			faults: []s3test.Fault{{Times: always, Before: s3test.Fail(500, "InternalError")}},
		},
		{name: "D3 reset", faults: []s3test.Fault{{After: s3test.CutAfter(4000)}}},
		{name: "D3 reset before the first byte", faults: []s3test.Fault{{After: s3test.CutAfter(0)}}},
		{name: "D3 reset at the last byte", faults: []s3test.Fault{{After: s3test.CutAfter(9999)}}},
		{
			name:   "D3 reset behind the last byte, chunked",
			faults: []s3test.Fault{{After: all(chunked, s3test.CutAfter(10_000))}},
		},
		{
			name:   "D3 reset behind the last byte, chunked, no checksum",
			faults: []s3test.Fault{{After: all(without, chunked, s3test.CutAfter(10_000))}},
		},
		{name: "D3 reset behind the last byte, chunked, and HEAD fails for a while", faults: []s3test.Fault{
			{After: all(chunked, s3test.CutAfter(10_000))},
			{Op: "HeadObject", Times: 4, Before: s3test.Fail(503, "SlowDown")},
		}},
		{name: "D3 reset every thousand bytes", faults: []s3test.Fault{{Times: always, After: s3test.CutAfter(1000)}}},
		{
			name: "D3 reset without a byte, always", want: io.ErrUnexpectedEOF, broken: true,
			opts: s3source.DownloadOptions{RetryTimeout: brief},
			faults: []s3test.Fault{
				{Skip: 0, Times: 1, After: s3test.CutAfter(4000)},
				{Times: always, Before: s3test.Drop},
			},
		},
		{
			name: "D3 reset, never to be read on", broken: true, opts: s3source.DownloadOptions{RetryTimeout: -1},
			faults: []s3test.Fault{{After: s3test.CutAfter(4000)}},
		},
		{name: "D3 reset, then 500s", faults: []s3test.Fault{
			{After: s3test.CutAfter(4000)}, {Times: 4, Before: s3test.Fail(500, "InternalError")},
		}},
		{
			name: "D3 reset of a range", opts: s3source.DownloadOptions{Offset: 1000, Length: 5000},
			faults: []s3test.Fault{{Times: 3, After: s3test.CutAfter(700)}},
		},
		{name: "D4 short with Content-Length", faults: []s3test.Fault{{After: s3test.Shorten(4000)}}},
		{
			name:   "D4 short with Content-Length, no checksum",
			faults: []s3test.Fault{{After: all(without, s3test.Shorten(4000))}},
		},
		{
			name: "D4 short with Content-Length, always", want: s3source.ErrBadReply,
			opts:   s3source.DownloadOptions{RetryTimeout: brief},
			faults: []s3test.Fault{{Op: "GetObject", Times: always, After: all(without, s3test.Shorten(4000))}},
		},
		{name: "D4 short and chunked", faults: []s3test.Fault{{After: s3test.ShortenChunked(4000)}}},
		{
			name:   "D4 short and chunked, no checksum",
			faults: []s3test.Fault{{Times: 1, After: all(without, s3test.ShortenChunked(4000))}},
		},
		{
			name:   "D4 short and chunked, always",
			faults: []s3test.Fault{{Op: "GetObject", Times: always, After: s3test.ShortenChunked(4000)}},
		},
		{
			name:   "whole and chunked, no checksum",
			faults: []s3test.Fault{{After: all(without, s3test.ShortenChunked(10_000))}},
		},
		{name: "D5 empty once", faults: []s3test.Fault{{After: s3test.Shorten(0)}}},
		{name: "D5 empty once, no checksum", faults: []s3test.Fault{{After: all(without, s3test.Shorten(0))}}},
		{
			name: "D5 empty always", broken: true, opts: s3source.DownloadOptions{RetryTimeout: brief},
			faults: []s3test.Fault{{Op: "GetObject", Times: always, After: s3test.Shorten(0)}},
		},
		{
			name: "D5 empty always, chunked", broken: true, opts: s3source.DownloadOptions{RetryTimeout: brief},
			faults: []s3test.Fault{{Op: "GetObject", Times: always, After: s3test.ShortenChunked(0)}},
		},
		{
			name: "D6 range ignored", want: s3source.ErrBadReply, opts: s3source.DownloadOptions{RetryTimeout: brief},
			faults: []s3test.Fault{
				{After: s3test.CutAfter(4000)},
				{Times: always, Before: func(r *s3test.Request) *s3test.Reply { r.Header.Del("Range"); return nil }},
			},
		},
		{name: "D6 range ignored at first", want: s3source.ErrBadReply, opts: s3source.DownloadOptions{
			Offset:       10,
			RetryTimeout: brief,
		}, faults: []s3test.Fault{
			{Times: always, Before: func(r *s3test.Request) *s3test.Reply { r.Header.Del("Range"); return nil }},
		}},
		{name: "D6 range ignored once", faults: []s3test.Fault{
			{After: s3test.CutAfter(4000)},
			{Before: func(r *s3test.Request) *s3test.Reply { r.Header.Del("Range"); return nil }},
		}},
		{
			name: "D7 Content-Range of another range", want: s3source.ErrBadReply,
			opts:   s3source.DownloadOptions{Offset: 4000, RetryTimeout: brief},
			faults: []s3test.Fault{{Times: always, After: set("Content-Range", "bytes 3000-8999/10000")}},
		},
		{
			name: "D7 Content-Range of another length", want: s3source.ErrBadReply,
			opts:   s3source.DownloadOptions{Offset: 4000, RetryTimeout: brief},
			faults: []s3test.Fault{{Times: always, After: set("Content-Range", "bytes 4000-9998/10000")}},
		},
		{
			name: "D7 Content-Range is nonsense", want: s3source.ErrBadReply,
			opts:   s3source.DownloadOptions{Offset: 4000, RetryTimeout: brief},
			faults: []s3test.Fault{{Times: always, After: set("Content-Range", "bytes */10000")}},
		},
		{
			name: "D7 another length of the object", want: s3source.ErrBadReply,
			opts: s3source.DownloadOptions{RetryTimeout: brief}, faults: []s3test.Fault{
				{After: all(without, s3test.CutAfter(4000))},
				{Op: "GetObject", After: all(set("Content-Range", "bytes 4000-9999/10001"), s3test.CutAfter(200))},
				{Op: "GetObject", Times: always, After: set("Content-Range", "bytes 4200-9999/10002")},
			},
		},
		{
			name: "D7 more bytes than Content-Range tells", opts: s3source.DownloadOptions{Offset: 1000, Length: 5000},
			faults: []s3test.Fault{{After: func(_ *s3test.Request, r *s3test.Reply) {
				r.Body, r.NoLength = append(bytes.Clone(r.Body), "and more"...), true
			}}},
		},
		{
			name: "D7 no such range, though there is", want: s3source.ErrBadReply,
			opts: s3source.DownloadOptions{RetryTimeout: brief},
			faults: []s3test.Fault{
				{After: s3test.CutAfter(4000)}, {
					Op: "GetObject", Times: always,
					Before: s3test.Fail(416, "InvalidRange"),
				},
			},
		},
		{name: "D7 no such range, once", faults: []s3test.Fault{
			{After: s3test.CutAfter(4000)}, {Op: "GetObject", Before: s3test.Fail(416, "InvalidRange")},
		}},
		{name: "D8 flipped", want: s3source.ErrChecksum, faults: []s3test.Fault{{Op: "GetObject", After: flip}}},
		{name: "D8 flipped after a cut", want: s3source.ErrChecksum, faults: []s3test.Fault{
			{Op: "GetObject", After: s3test.CutAfter(4000)}, {Op: "GetObject", After: flip},
		}},
		{
			name: "D9 unzipped by a proxy", want: s3source.ErrBadReply,
			faults: []s3test.Fault{{Op: "GetObject", After: func(_ *s3test.Request, r *s3test.Reply) {
				r.Body, r.NoLength = random(20_000), true
			}}},
		},
		{name: "D10 HEAD tells less", want: s3source.ErrBadReply, faults: []s3test.Fault{
			{Op: "GetObject", Times: always, After: without}, {
				Op: "HeadObject", Times: always,
				After: set("Content-Length", "9000"),
			},
		}},
		{
			name: "D10 HEAD tells more", broken: true, opts: s3source.DownloadOptions{RetryTimeout: brief},
			faults: []s3test.Fault{
				{Op: "GetObject", Times: always, After: without}, {
					Op: "HeadObject", Times: always,
					After: set("Content-Length", "11000"),
				},
			},
		},
		{name: "HEAD fails for a while", faults: []s3test.Fault{
			{Op: "GetObject", After: without}, {Op: "HeadObject", Times: 5, Before: s3test.Fail(500, "InternalError")},
		}},
		{name: "HEAD fails for a while, after a short body", faults: []s3test.Fault{
			{Op: "GetObject", After: all(without, s3test.ShortenChunked(4000))},
			{Op: "HeadObject", Times: 4, Before: s3test.Drop},
		}},
		{name: "HEAD is refused", broken: true, faults: []s3test.Fault{
			{Op: "GetObject", After: without}, {
				Op: "HeadObject", Times: always,
				Before: s3test.Fail(403, "AccessDenied"),
			},
		}},
		{name: "slow down at first", faults: []s3test.Fault{{Times: 5, Before: s3test.Fail(503, "SlowDown")}}},
		{name: "too many requests in between", faults: []s3test.Fault{
			{After: s3test.CutAfter(4000)}, {Times: 2, Before: s3test.Fail(429, "Busy")},
		}},
		{
			name: "slow down always", broken: true, opts: s3source.DownloadOptions{RetryTimeout: brief},
			faults: []s3test.Fault{{Times: always, Before: s3test.Fail(503, "SlowDown")}},
		},
		{name: "an ETag of the HEAD only", faults: []s3test.Fault{{Op: "GetObject", After: all(without, untagged)}}},
		{name: "no ETag to read on by", broken: true, faults: []s3test.Fault{
			{Times: always, After: all(untagged, s3test.CutAfter(4000))},
		}},
		{
			name: "U29 a body stalls", opts: s3source.DownloadOptions{StallTimeout: 100 * time.Millisecond},
			faults: []s3test.Fault{
				{After: s3test.CutAfter(4000)}, {Before: s3test.Hang},
			},
		},
		{
			name: "U29 the first reply stalls", opts: s3source.DownloadOptions{StallTimeout: 100 * time.Millisecond},
			faults: []s3test.Fault{
				{Times: 2, Before: s3test.Hang},
			},
		},
		{
			name: "U29 HEAD stalls", opts: s3source.DownloadOptions{StallTimeout: 100 * time.Millisecond},
			faults: []s3test.Fault{
				{Op: "GetObject", After: without}, {Op: "HeadObject", Before: s3test.Hang},
			},
		},
		{
			name: "U29 HEAD always stalls", want: os.ErrDeadlineExceeded,
			opts: s3source.DownloadOptions{StallTimeout: 20 * time.Millisecond, RetryTimeout: brief},
			faults: []s3test.Fault{{Op: "GetObject", After: without}, {
				Op: "HeadObject", Times: always,
				Before: s3test.Hang,
			}},
		},
		{
			name: "U29 every reply stalls", want: os.ErrDeadlineExceeded,
			opts:   s3source.DownloadOptions{StallTimeout: 20 * time.Millisecond, RetryTimeout: brief},
			faults: []s3test.Fault{{Times: always, Before: s3test.Hang}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server, client := newServer(t, nil)
			server.Put(bucket, key, data)
			for _, f := range tt.faults {
				server.Fault(f)
			}
			opts := tt.opts
			opts.ChunkSize = 300
			want := data[opts.Offset:]
			if opts.Length > 0 {
				want = want[:opts.Length]
			}
			got, err := read(t.Context(), s3source.Download(client, bucket, key, &opts))
			switch {
			case tt.want == nil && !tt.broken:
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%d bytes came, the same: %v, %v", len(got), bytes.Equal(got, want), err)
				}
			case err == nil, tt.want != nil && !tt.broken && !errors.Is(err, tt.want):
				t.Errorf("the error is %v, after %d bytes", err, len(got))
			case tt.want != s3source.ErrChecksum && tt.want != s3source.ErrBadReply && !bytes.HasPrefix(want, got): //nolint:errorlint // of the table
				t.Errorf("wrong bytes came")
			}
			if err != nil && (!strings.HasPrefix(err.Error(), "s3source: ") ||
				strings.Contains(err.Error(), "canary")) {
				t.Errorf("the error reads %v", err)
			}
		})
	}
}
