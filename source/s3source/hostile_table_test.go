package s3source_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/internal/hostile"
	"github.com/millweir/millweir/internal/s3reply"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// TestHostile has servers that send false replies to a download.
func TestHostile(t *testing.T) {
	bad, fatal, retryable := hostile.Is(s3source.ErrBadReply), hostile.Class(stream.Fatal),
		hostile.Class(stream.Retryable)
	late := hostile.All(hostile.Is(os.ErrDeadlineExceeded), retryable)
	tooLong := hostile.All(hostile.Is(s3reply.ErrTooLong), fatal)
	ranged := &s3source.DownloadOptions{Offset: 10, Length: 5, RetryTimeout: -1}
	quick := &s3source.DownloadOptions{RetryTimeout: -1, StallTimeout: 300 * time.Millisecond}
	hostile.Table(t, []hostile.Row{
		download("get: an error without an end", nil, tooLong, endless(400)),
		download("get: an error of one byte a moment", quick, late, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			dripForever(w, r)
		}),
		download("get: a redirect for ever", nil, fatal, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path+"x", http.StatusTemporaryRedirect)
		}),
		download("get: an error nested 300,000 deep", nil, fatal, say(400, "<Error>"+strings.Repeat("<a>", 300_000))),
		download("get: no answer at all", quick, late, func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
		}),
		download("get: a body that stalls", quick, late, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Etag", `"e"`)
			_, _ = io.WriteString(w, "x")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}),
		download("get: a body of one byte a moment", &s3source.DownloadOptions{
			RetryTimeout: -1,
			StallTimeout: 300 * time.Millisecond, MinRate: 1 << 20,
		}, late, dripForever),
		download("get: the whole object for a range", ranged, bad, say(200, "twenty bytes, twenty.")),
		download("get: another range", ranged, bad, say(206, "01234", "Content-Range", "bytes 0-4/100")),
		download("get: a range of 100 KB of text", ranged, bad, say(206, "01234", "Content-Range",
			strings.Repeat("9", 100_000))),
		download("get: a range that overflows", ranged, bad, say(206, "01234", "Content-Range",
			"bytes 10-9223372036854775808/9223372036854775809")),
		download("get: a body longer than its length", quick, retryable, say(200, "0123456789", "Content-Length", "5",
			"Etag", `"e"`)),
		download("get: a body shorter than its length", quick, hostile.All(hostile.Is(io.ErrUnexpectedEOF), retryable),
			say(200, "0123", "Content-Length", "4611686018427387904", "Etag", `"e"`)),
		download("get: a checksum that lies", quick, hostile.Is(s3source.ErrChecksum),
			say(200, "0123", "Etag", `"e"`, "X-Amz-Checksum-Crc64nvme", "AAAAAAAAAAA=", "Content-Length", "4")),
		download("get: another ETag", &s3source.DownloadOptions{IfMatch: `"a"`}, hostile.Is(s3source.ErrObjectChanged),
			say(200, "0123", "Etag", `"b"`)),
	})
}

// download returns a row in which a run with opts uses the server.
func download(name string, opts *s3source.DownloadOptions, want func(error) bool, serve http.HandlerFunc) hostile.Row {
	return hostile.Row{Name: name, Want: want, Run: func(t *testing.T, ctx context.Context) error {
		server := httptest.NewServer(serve)
		defer server.Close()
		defer server.CloseClientConnections()
		_, client := newServer(t, nil)
		options := client.Options()
		options.BaseEndpoint = &server.URL
		_, err := read(ctx, s3source.Download(s3.New(options), bucket, key, opts))
		return err
	}}
}

// dripForever sends one byte after another, with pauses.
func dripForever(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Etag", `"e"`)
	for r.Context().Err() == nil {
		_, _ = io.WriteString(w, " ")
		_ = http.NewResponseController(w).Flush()
		time.Sleep(5 * time.Millisecond)
	}
}

// say answers with a body and headers, in pairs of name and value.
func say(code int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
		if r.Method != http.MethodHead {
			_, _ = io.WriteString(w, body)
		}
	}
}

// endless answers with 1 GiB.
func endless(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, err := io.WriteString(w, "<Error><Code>X</Code><Message>")
		for block, sent := bytes.Repeat([]byte("x"), 1<<20), 0; err == nil && sent < 1<<30; sent += len(block) {
			_, err = w.Write(block)
		}
	}
}
