package s3source_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/source/s3source"
)

// TestOnRetry: every retry is reported before its wait, both the client's own retries and the
// requests for the rest of a body.
func TestOnRetry(t *testing.T) {
	for name, tt := range map[string]struct {
		fault s3test.Fault
		want  int
	}{
		"client's own":   {s3test.Fault{Op: "GetObject", Times: 2, Before: s3test.Fail(500, "InternalError")}, 2},
		"busy for long":  {s3test.Fault{Op: "GetObject", Times: 4, Before: s3test.Fail(503, "SlowDown")}, 4},
		"body reset":     {s3test.Fault{Op: "GetObject", Times: 2, After: s3test.CutAfter(40)}, 2},
		"body cut short": {s3test.Fault{Op: "GetObject", After: s3test.ShortenChunked(40)}, 1},
		"HEAD":           {s3test.Fault{Op: "HeadObject", Times: 1, Before: s3test.Fail(500, "InternalError")}, 1},
	} {
		server, client := newServer(t, nil)
		server.Put(bucket, key, random(100))
		if name == "HEAD" { // a HEAD is sent if the reply has no checksum
			server.Fault(s3test.Fault{Op: "GetObject", After: func(_ *s3test.Request, r *s3test.Reply) {
				without(nil, r)
			}})
		}
		server.Fault(tt.fault)
		retries := 0
		got, err := read(t.Context(), s3source.Download(client, bucket, key, &s3source.DownloadOptions{
			OnRetry: func(err error, wait time.Duration) {
				retries++
				if err == nil || wait < 0 || !strings.HasPrefix(err.Error(), "s3source: get "+bucket+"/"+key) {
					t.Errorf("%s: %v, wait %v", name, err, wait)
				}
			},
		}))
		if err != nil || !bytes.Equal(got, random(100)) || retries != tt.want {
			t.Errorf("%s: %d bytes, %v; %d retries were reported, want %d", name, len(got), err, retries, tt.want)
		}
	}
}
