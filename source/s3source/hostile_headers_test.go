package s3source_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/internal/hostile"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// TestHostileHeaders has servers whose headers are false, contradict each other, or contain control
// sequences for a terminal.
func TestHostileHeaders(t *testing.T) {
	const csi, c1 = "\x1b[2J\x1b[31m", "\u009b31m\u202e"
	bad, fatal, retryable := hostile.Is(s3source.ErrBadReply), hostile.Class(stream.Fatal),
		hostile.Class(stream.Retryable)
	quick := &s3source.DownloadOptions{RetryTimeout: -1, StallTimeout: 5 * time.Second}
	ranged := &s3source.DownloadOptions{Offset: 10, Length: 5, RetryTimeout: -1}
	framed := "5;chunk-signature=0\r\nhello\r\n0;chunk-signature=0\r\n\r\n"
	part := func(contentRange string) http.HandlerFunc {
		return say(206, "01234", "Content-Range", contentRange, "Etag", `"e"`)
	}
	hostile.Table(t, []hostile.Row{
		stored("encoding: gzip, and it is not", "plain text", "gzip"),
		stored("encoding: gzip, and it is: it comes as it is stored", gzipped("plain text"), "gzip"),
		stored("encoding: gzip, and it is cut", gzipped("plain text")[:15], "gzip"),
		stored("encoding: br", "plain text", "br"),
		stored("encoding: identity", "plain text", "identity"),
		stored("encoding: aws-chunked, left over", "plain text", "aws-chunked"),
		stored("encoding: aws-chunked, with its frames", framed, "aws-chunked"),
		stored("encoding: a hundred of them", "plain text", strings.Repeat("gzip, ", 100)+"gzip"),
		stored("encoding: a megabyte", "plain text", strings.Repeat("x", 1<<20)),

		download("header: a megabyte of CSI", quick, retryable, raw(200, "X-Amz-Meta-A: "+strings.Repeat(csi, 1<<17),
			"")),
		download("header: a megabyte of CSI in its name", quick, retryable, raw(200, strings.Repeat(csi, 1<<17)+": a",
			"")),
		download("header: a line without a colon, of CSI", quick, retryable, raw(200, strings.Repeat(csi, 1<<12), "")),
		download("header: a request id of a megabyte of C1 and bidi", quick, fatal,
			raw(400, "X-Amz-Request-Id: "+strings.Repeat(c1, 1<<17), "")),
		download("header: a status line of a megabyte of CSI", quick, fatal,
			raw(400, "A: b", "", strings.Repeat(csi, 1<<17))),
		download("header: a Location of C1 and bidi", quick, fatal,
			raw(301, "Location: http://"+strings.Repeat(c1, 1<<10)+"/", "")),
		download("header: a region of C1 and bidi", quick, fatal,
			raw(301, "X-Amz-Bucket-Region: "+strings.Repeat(c1, 1<<17), "")),
		download("header: an ETag of a megabyte", quick, bad, raw(200, "Etag: "+strings.Repeat("e", 1<<20), "0123")),
		download("header: an ETag of C1 and bidi", quick, bad, raw(200, "Etag: "+strings.Repeat(c1, 1<<17), "0123")),
		download("header: a version id of C1 and bidi", quick, hostile.Success,
			raw(200, "Etag: \"e\"\r\nX-Amz-Version-Id: "+c1, "0123")),
		download("header: a checksum of a megabyte of C1 and bidi", quick, hostile.Is(s3source.ErrChecksum),
			raw(200, "Etag: \"e\"\r\nX-Amz-Checksum-Crc64nvme: "+strings.Repeat(c1, 1<<17), "0123")),
		download("header: two checksums that contradict each other", quick, hostile.Is(s3source.ErrChecksum),
			raw(200, "Etag: \"e\"\r\nX-Amz-Checksum-Crc64nvme: AAAAAAAAAAA=\r\nX-Amz-Checksum-Crc64nvme: AAAAAAAAAAE=",
				"0123")),
		download("header: a number that is none, and a body without an end", quick, fatal,
			func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Amz-Missing-Meta", "many")
				endless(200)(w, r)
			}),

		download("length: chunked as well, and longer", quick, bad, chunkedToo(5, 5)),
		download("length: chunked as well, and the object is as long as the chunks", quick, hostile.Success,
			chunkedToo(5, 10)),
		download("length: two of them", quick, retryable, raw(200, "Content-Length: 4\r\nContent-Length: 5", "01234")),
		download("length: negative", quick, retryable, raw(200, "Content-Length: -4", "01234")),
		download("length: 2^64", quick, retryable, raw(200, "Content-Length: 18446744073709551616", "01234")),
		download("length: an unknown transfer encoding", quick, retryable, raw(200, "Transfer-Encoding: gzip",
			"01234")),
		download("length: a chunk of 2^63", quick, retryable, raw(200, "Etag: \"e\"\r\nTransfer-Encoding: chunked",
			"8000000000000000\r\n01234")),
		download("length: of the object, that HEAD contradicts", quick, bad, twoLengths(5, 4)),

		download("range: 206 to a plain GET, without a range", quick, bad, say(206, "01234", "Etag", `"e"`)),
		download("range: 206 to a plain GET, of the middle", quick, bad, part("bytes 5-9/10")),
		download("range: 200 to a range", ranged, bad, say(200, "01234", "Etag", `"e"`)),
		download("range: 200 to a range, with the Content-Range that was wanted", ranged, bad,
			say(200, "01234", "Content-Range", "bytes 10-14/100", "Etag", `"e"`)),
		download("range: 206 to a range, without a Content-Range", ranged, bad, say(206, "01234", "Etag", `"e"`)),
		download("range: one byte more than was asked for", ranged, bad, part("bytes 10-15/100")),
		download("range: begins a byte late", ranged, bad, part("bytes 11-15/100")),
		download("range: longer than its body", ranged, bad, part("bytes 10-13/100")),
		download("range: ends before it begins", ranged, bad, part("bytes 10-9/100")),
		download("range: of an object that is shorter", ranged, bad, part("bytes 10-14/12")),
		download("range: of an object of unknown length", ranged, bad, part("bytes 10-14/*")),
		download("range: of another unit", ranged, bad, part("items 10-14/100")),
		download("range: of C1 and bidi", ranged, bad, part(c1)),
		download("range: 416 for what the object has", ranged, bad, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(map[string]int{"GET": 416, "HEAD": 200}[r.Method])
		}),
	})
}

var errOtherBytes = errors.New("other bytes came than were sent")

// stored returns a row that downloads body, stored with a Content-Encoding. It is not decoded.
func stored(name, body, encoding string) hostile.Row {
	serve := say(200, body, "Content-Encoding", encoding, "Content-Length", strconv.Itoa(len(body)), "Etag", `"e"`)
	return hostile.Row{Name: name, Want: hostile.Success, Run: func(t *testing.T, ctx context.Context) error {
		server := httptest.NewServer(serve)
		defer server.Close()
		_, client := newServer(t, nil)
		options := client.Options()
		options.BaseEndpoint = &server.URL
		got, err := read(ctx, s3source.Download(s3.New(options), bucket, key,
			&s3source.DownloadOptions{RetryTimeout: -1}))
		if err == nil && string(got) != body {
			err = errOtherBytes
		}
		return err
	}}
}

func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

// raw answers with unchanged headers and body, and to HEAD without the body. If no header gives the
// length, the end of the connection ends the body. phrase is the reason phrase of the status line.
func raw(code int, headers, body string, phrase ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		if r.Method == http.MethodHead {
			headers += "\r\nContent-Length: " + strconv.Itoa(len(body))
			body = ""
		}
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\n%s\r\nConnection: close\r\n\r\n%s", code, strings.Join(phrase, ""),
			headers, body)
	}
}

// chunkedToo answers with ten bytes in chunks and a Content-Length, and answers HEAD with another
// length.
func chunkedToo(length, head int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			say(200, "", "Content-Length", strconv.Itoa(head), "Etag", `"e"`)(w, r)
			return
		}
		raw(200, "Etag: \"e\"\r\nTransfer-Encoding: chunked\r\nContent-Length: "+strconv.Itoa(length),
			"a\r\n0123456789\r\n0\r\n\r\n")(w, r)
	}
}

// twoLengths answers with get bytes, and answers HEAD with another length.
func twoLengths(get, head int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		n := get
		if r.Method == http.MethodHead {
			n = head
		}
		say(200, strings.Repeat("x", n), "Content-Length", strconv.Itoa(n), "Etag", `"e"`)(w, r)
	}
}
