package s3sink_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/millweir/millweir/internal/hostile"
	"github.com/millweir/millweir/internal/s3reply"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

// TestHostile has servers that send false replies to an upload or to AbortPending.
func TestHostile(t *testing.T) {
	unknown, mismatch := hostile.Is(s3sink.ErrOutcomeUnknown), hostile.Is(s3sink.ErrMismatch)
	fatal, retryable, throttled := hostile.Class(stream.Fatal), hostile.Class(stream.Retryable),
		hostile.Class(stream.Throttled)
	tooLong := hostile.Is(s3reply.ErrTooLong)
	uploaded := header("Etag", `"e"`)
	hostile.Table(t, []hostile.Row{
		upload("put: an error without an end", 50, hostile.All(fatal, tooLong),
			answers{"PUT": endless(400, "<Error><Code>X</Code><Message>")}),
		upload("put: a 500 without an end", 50, hostile.All(retryable, tooLong),
			answers{"PUT": endless(500, "<Error><Code>X</Code><Message>")}),
		upload("put: a success without an end", 50, unknown, answers{"PUT": endless(200, "<a>"), "HEAD": status(503)}),
		upload("put: an error nested 300,000 deep", 50, fatal,
			answers{"PUT": body(400, "<Error>"+strings.Repeat("<a>", 300_000))}),
		upload("put: an error with 150,000 attributes", 50, fatal,
			answers{"PUT": body(400, "<Error"+strings.Repeat(` a="b"`, 150_000)+">")}),
		upload("put: an error with entities", 50, fatal,
			answers{"PUT": body(400, `<!DOCTYPE a [<!ENTITY b "bb">]><Error><Code>&b;</Code></Error>`)}),
		upload("put: an error of control characters", 50, fatal,
			answers{"PUT": body(400, "<Error><Code>\u009b\u202eX</Code><Message>"+strings.Repeat("\u202e", 50_000)+
				"</Message></Error>")}),
		upload("put: a request id of 100 KB", 50, fatal,
			answers{"PUT": header("X-Amz-Request-Id", strings.Repeat("r", 100_000), 400)}),
		upload("put: an ETag of control characters", 50, unknown, answers{
			"PUT":  header("Etag", "\x1b[31m"),
			"HEAD": status(503),
		}),
		upload("put: an ETag of a megabyte", 50, unknown, answers{
			"PUT":  header("Etag", strings.Repeat("e", 1<<20)),
			"HEAD": status(503),
		}),
		upload("put: a success that is a web page", 50, unknown, answers{
			"PUT":  body(200, "<html>"),
			"HEAD": status(503),
		}),
		upload("put: another object's checksum", 50, mismatch,
			answers{"PUT": header("X-Amz-Checksum-Crc64nvme", strings.Repeat("A", 100_000)+"\r\nEtag: \"e\"")}),
		upload("put: HEAD with a negative size", 50, unknown,
			answers{"PUT": uploaded, "HEAD": header("Content-Length", "-5")}),
		upload("put: a redirect for ever", 50, fatal, answers{"PUT": redirect(307)}),
		upload("put: a redirect by another method", 50, fatal, answers{"PUT": redirect(302)}),
		upload("put: headers without an end", 50, unknown, answers{"PUT": manyHeaders}),
		upload("put: no answer at all", 50, unknown, answers{"PUT": silent}),
		upload("put: a body of one byte a moment", 50, retryable, answers{"PUT": drip}),
		upload("create: a success without an end", 350, hostile.All(fatal, tooLong),
			answers{"POST": endless(200, "<InitiateMultipartUploadResult><UploadId>")}),
		upload("create: an upload id of 3 KiB", 350, fatal,
			answers{"POST": body(200, started(strings.Repeat("u", 3<<10))), "PUT": status(500)}),
		upload("create: an upload id of bidi characters", 350, fatal, answers{
			"POST": body(200, started("\u202eid")),
			"PUT":  status(500),
		}),
		upload("create: a 200 that is an error", 350, throttled,
			answers{"POST": body(200, "<Error><Code>SlowDown</Code></Error>")}),
		upload("part: an ETag of a megabyte", 350, fatal, answers{
			"POST": body(200, started("1")),
			"PUT":  header("Etag", strings.Repeat("e", 1<<20)),
		}),
		upload("part: a lying checksum", 350, mismatch, answers{
			"POST": body(200, started("1")),
			"PUT":  header("X-Amz-Checksum-Crc64nvme", "AAAAAAAAAAA=\r\nEtag: \"e\""),
		}),
		upload("complete: blanks without an end", 350, unknown, answers{
			"POST": completes(endless(200, " ")),
			"PUT":  uploaded, "HEAD": status(503),
		}),
		upload("complete: a blank a moment, for ever", 350, unknown, answers{
			"POST": completes(drip), "PUT": uploaded,
			"HEAD": status(503),
		}),
		upload("complete: a 200 that is an error", 350, unknown,
			answers{"POST": completes(body(200, "<Error><Code>InternalError</Code></Error>")), "PUT": uploaded}),
		upload("abort: an error without an end", 350, hostile.All(fatal, tooLong),
			answers{"POST": body(200, started("1")), "PUT": status(403), "DELETE": endless(400, "<Error>")}),
		pendingRow("list: one name without an end", hostile.All(fatal, tooLong),
			endless(200, "<ListMultipartUploadsResult><Upload><Key>")),
		pendingRow("list: the same marker again and again", fatal, page(func(int) string { return "k" })),
		pendingRow("list: a new page for ever", fatal, page(func(n int) string { return fmt.Sprint("k", n) })),
		pendingRow("list: pages of long markers for ever", fatal, page(func(n int) string {
			return strings.Repeat("k", 500_000) + fmt.Sprint(n)
		})),
		pendingRow("list: a redirect for ever", fatal, redirect(307)),
		pendingRow("list: a success without a list", fatal, body(200, "")),
		pendingRow("list: broken in the middle", retryable, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "<ListMultipartUploadsResult>")
		}),
	})
}

// answers holds a handler for each method. Other methods are answered with 404.
type answers map[string]http.HandlerFunc

func (a answers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	if serve := a[r.Method]; serve != nil {
		serve(w, r)
		return
	}
	w.WriteHeader(http.StatusNotFound)
}

// upload returns a row in which a run of size bytes uses the server.
func upload(name string, size int, want func(error) bool, server answers) hostile.Row {
	return hostile.Row{Name: name, Want: want, Run: func(_ *testing.T, ctx context.Context) error {
		s := httptest.NewServer(server)
		defer s.Close()
		defer s.CloseClientConnections()
		opts := small(s3sink.UploadOptions{
			StallTimeout: 500 * time.Millisecond, AbortTimeout: 2 * time.Second,
			RetryTimeout: -1,
		})
		_, err := stream.Run(ctx, chunks(random(size), 10), s3sink.UploadWithin(10_000, newClient(s.URL), bucket, key,
			opts))
		return err
	}}
}

// pendingRow returns a row in which AbortPending lists the uploads of the server.
func pendingRow(name string, want func(error) bool, list http.HandlerFunc) hostile.Row {
	return hostile.Row{Name: name, Want: want, Run: func(_ *testing.T, ctx context.Context) error {
		s := httptest.NewServer(list)
		defer s.Close()
		defer s.CloseClientConnections()
		_, err := s3sink.AbortPending(ctx, newClient(s.URL), bucket, "", olderThan(time.Hour))
		return err
	}}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func body(code int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = io.WriteString(w, text)
	}
}

// header answers with one raw header, and with status 200 if code is missing.
func header(name, value string, code ...int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		code := append(code, http.StatusOK)[0]
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		length := "Content-Length: 0\r\n"
		if name == "Content-Length" {
			length = ""
		}
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 %d X\r\n%s%s: %s\r\nConnection: close\r\n\r\n", code, length, name, value)
	}
}

func endless(code int, start string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, err := io.WriteString(w, start)
		for block, sent := bytes.Repeat([]byte(start[len(start)-1:]), 1<<20), 0; err == nil &&
			sent < 1<<30; sent += len(block) {
			_, err = w.Write(block)
		}
	}
}

func redirect(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Path+"x?"+r.URL.RawQuery, code)
	}
}

func silent(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func drip(w http.ResponseWriter, r *http.Request) {
	for r.Context().Err() == nil {
		_, _ = io.WriteString(w, " ")
		_ = http.NewResponseController(w).Flush()
		time.Sleep(5 * time.Millisecond)
	}
}

// manyHeaders sends header lines until the client disconnects.
func manyHeaders(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, err = io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
	for n := 0; err == nil && n < 1<<20; n++ {
		_, err = fmt.Fprintf(conn, "X-%d: %0100d\r\n", n, n)
	}
}

func started(id string) string {
	return "<InitiateMultipartUploadResult><UploadId>" + id + "</UploadId></InitiateMultipartUploadResult>"
}

// completes begins uploads, and answers the request that completes one with serve.
func completes(serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("uploads") {
			body(200, started("1"))(w, r)
			return
		}
		serve(w, r)
	}
}

// page answers with the nth page of a list. The list continues at marker(n).
func page(marker func(n int) string) http.HandlerFunc {
	n := 0 // no mutex: the client sends one request at a time
	return func(w http.ResponseWriter, _ *http.Request) {
		n++
		_, _ = fmt.Fprintf(w,
			"<ListMultipartUploadsResult><IsTruncated>true</IsTruncated>"+
				"<NextKeyMarker>%s</NextKeyMarker></ListMultipartUploadsResult>", marker(n))
	}
}
