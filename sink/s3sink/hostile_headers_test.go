package s3sink_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millweir/millweir/internal/hostile"
	"github.com/millweir/millweir/internal/printable"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

// TestHostileHeaders has servers whose replies contradict themselves or the request, or contain
// control sequences for a terminal.
func TestHostileHeaders(t *testing.T) {
	const csi, c1 = "\x1b[2J\x1b[31m", "\u009b31m\u202e"
	unknown, mismatch := hostile.Is(s3sink.ErrOutcomeUnknown), hostile.Is(s3sink.ErrMismatch)
	fatal, retryable := hostile.Class(stream.Fatal), hostile.Class(stream.Retryable)
	good := new(honest)
	hostile.Table(t, []hostile.Row{
		upload("header: a megabyte of CSI", 50, unknown, answers{"PUT": header("X-A", strings.Repeat(csi, 1<<17))}),
		upload("header: a megabyte of CSI in its name", 50, unknown,
			answers{"PUT": header(strings.Repeat(csi, 1<<17), "a")}),
		upload("header: a request id of a megabyte of C1 and bidi", 50, fatal,
			answers{"PUT": header("X-Amz-Request-Id", strings.Repeat(c1, 1<<17), 400)}),
		upload("header: a region of a megabyte of C1 and bidi", 50, fatal,
			answers{"PUT": header("X-Amz-Bucket-Region", strings.Repeat(c1, 1<<17), 301)}),
		upload("header: a checksum of a megabyte of C1 and bidi", 50, mismatch,
			answers{"PUT": header("Etag", "\"e\"\r\nX-Amz-Checksum-Crc64nvme: "+strings.Repeat(c1, 1<<17))}),
		{
			Name: "header: an encryption of C1 and bidi", Want: hostile.Is(s3sink.ErrNotEncrypted),
			Run: func(_ *testing.T, ctx context.Context) error {
				s := httptest.NewServer(answers{
					"POST": body(200, started("1")),
					"PUT":  header("Etag", "\"e\"\r\nX-Amz-Server-Side-Encryption: "+c1),
				})
				defer s.Close()
				opts := small(s3sink.UploadOptions{ServerSideEncryption: "AES256", AbortTimeout: time.Second})
				_, err := stream.Run(ctx, chunks(random(50), 10), s3sink.UploadWithin(10_000, newClient(s.URL), bucket,
					key,
					opts))
				return err
			},
		},
		shown("header: a version id of C1 and bidi", 50, answers{"PUT": good.put("X-Amz-Version-Id: " + c1)}),
		shown("header: a version id of a megabyte", 50,
			answers{"PUT": good.put("X-Amz-Version-Id: " + strings.Repeat("v", 1<<20))}),
		shown("header: a version id of C1 and bidi in HEAD", 50,
			answers{"PUT": good.unproven, "HEAD": good.head("X-Amz-Version-Id: " + c1)}),
		shown("body: a Location of C1 and bidi", 350, answers{
			"POST": completes(good.complete(c1)),
			"PUT":  good.put("A: b"), "HEAD": good.head("A: b"),
		}),
		shown("body: a Location of a megabyte", 350,
			answers{
				"POST": completes(good.complete(strings.Repeat("l", 1<<19))), "PUT": good.put("A: b"),
				"HEAD": good.head("A: b"),
			}),

		upload("encoding: gzip, and the XML is not", 350, retryable, answers{
			"POST": encoded("gzip", started("1")),
			"PUT":  status(500),
		}),
		upload("encoding: gzip, and the XML is", 350, fatal, answers{"POST": encoded("gzip", gzipped(started("1")))}),
		pendingRow("encoding: gzip, and the list is", fatal, encoded("gzip", gzipped("<ListMultipartUploadsResult/>"))),

		upload("status: 206 to a PUT", 50, unknown, answers{"PUT": header("Etag", `"e"`, 206)}),
		upload("status: 204 to a PUT", 50, unknown, answers{"PUT": header("Etag", `"e"`, 204)}),
		upload("status: 304 to a PUT", 50, fatal, answers{"PUT": header("Etag", `"e"`, 304)}),
		upload("status: 100 for ever", 50, unknown, answers{"PUT": continues}),
		upload("status: 200 without an ETag, to PUT and to HEAD", 50, unknown,
			answers{"PUT": status(200), "HEAD": status(200)}),

		upload("checksum: of other bytes, with our token, in HEAD", 50, mismatch,
			answers{"PUT": good.unproven, "HEAD": good.head("X-Amz-Checksum-Crc64nvme: AAAAAAAAAAA=")}),
		upload("checksum: of other bytes, in the last reply", 350, mismatch, answers{
			"PUT":  good.put("A: b"),
			"POST": completes(body(200, "<C><ETag>e</ETag><ChecksumCRC64NVME>AAAAAAAAAAA=</ChecksumCRC64NVME></C>")),
		}),
		upload("checksum: of a part, of C1 and bidi", 350, mismatch,
			answers{"POST": body(200, started("1")), "PUT": header("Etag", "\"e\"\r\nX-Amz-Checksum-Crc64nvme: "+c1)}),
		upload("checksum: two that contradict each other, the wrong one first", 50, mismatch,
			answers{"PUT": header("Etag",
				"\"e\"\r\nX-Amz-Checksum-Crc64nvme: AAAAAAAAAAA=\r\nX-Amz-Checksum-Crc64nvme: AAAAAAAAAAE=")}),
		upload("length: HEAD of another one, with our token", 50, mismatch,
			answers{"PUT": good.unproven, "HEAD": good.head("Content-Length: 51")}),
		upload("length: two of them", 50, unknown,
			answers{"PUT": header("Content-Length", "0\r\nContent-Length: 5\r\nEtag: \"e\"")}),

		pendingRow("list: ten uploads of C1 and bidi that cannot be aborted", retryable, refusing(10, c1, 500)),
		pendingRow("list: ten uploads that must not be aborted", fatal, refusing(10, "k", 403)),
		pendingRow("list: ten uploads, and only the tenth must not be aborted", fatal, refusing(10, "k", 500, 403)),
		pendingRow("list: keys that do not decode", fatal,
			body(200, "<R><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated><Upload><Key>%zz\u202e</Key></Upload></R>")),
	})
}

// honest remembers what it received, and can repeat it in a reply.
type honest struct {
	mu         sync.Mutex
	sum, token string
}

// note stores the checksum and the write token of a request, and returns the latest checksum.
func (h *honest) note(r *http.Request) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if sum := r.Header.Get("X-Amz-Checksum-Crc64nvme"); sum != "" {
		h.sum = sum
	}
	if token := r.Header.Get("X-Amz-Meta-" + s3sink.MetadataWriteToken); token != "" {
		h.token = token
	}
	return h.sum
}

// put answers a PUT as a service that has stored the object, with one more header.
func (h *honest) put(more string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		header("Etag", "\"e\"\r\nX-Amz-Checksum-Crc64nvme: "+h.note(r)+"\r\n"+more)(w, r)
	}
}

// unproven answers a PUT without a checksum.
func (h *honest) unproven(w http.ResponseWriter, r *http.Request) {
	h.note(r)
	header("Etag", `"e"`)(w, r)
}

// head answers a HEAD with the object of the run: 50 bytes and its token, with one more header or
// another length.
func (h *honest) head(more string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		length, lies := strings.CutPrefix(more, "Content-Length: ")
		if !lies {
			length = "50\r\n" + more
		}
		header("Content-Length", length+"\r\nEtag: \"e\"\r\nX-Amz-Meta-"+s3sink.MetadataWriteToken+": "+h.token)(w, r)
	}
}

// complete answers the last request of an upload with a Location and the checksum of the whole
// object, which the run has sent.
func (h *honest) complete(location string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body(200, "<C><Location>"+location+"</Location><ETag>e</ETag><ChecksumCRC64NVME>"+
			r.Header.Get("X-Amz-Checksum-Crc64nvme")+"</ChecksumCRC64NVME></C>")(w, r)
	}
}

var errShown = errors.New("the result has what a terminal obeys, or has no end")

// shown returns a row in which an upload succeeds. Its result must be safe to print.
func shown(name string, size int, server answers) hostile.Row {
	return hostile.Row{Name: name, Want: hostile.Success, Run: func(_ *testing.T, ctx context.Context) error {
		s := httptest.NewServer(server)
		defer s.Close()
		opts := small(s3sink.UploadOptions{RetryTimeout: -1})
		object, err := stream.Run(ctx, chunks(random(size), 10), s3sink.UploadWithin(10_000, newClient(s.URL), bucket,
			key, opts))
		if text := fmt.Sprint(object); err == nil && (len(text) > 10<<10 || !printable.Is(text)) {
			err = errShown
		}
		return err
	}}
}

// encoded answers with text and a Content-Encoding, which text may not have.
func encoded(encoding, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", encoding)
		_, _ = io.WriteString(w, text)
	}
}

func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

// continues sends 100 Continue again and again.
func continues(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	for range 1 << 20 {
		if _, err := io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
			return
		}
	}
}

// refusing lists n old uploads to a key and refuses to abort them, the last one with the last code.
func refusing(n int, key string, codes ...int) http.HandlerFunc {
	old := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).Format(time.RFC3339)
	last := fmt.Sprint(n-1, key)
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodDelete && r.URL.Query().Get("uploadId") == last:
			w.WriteHeader(codes[len(codes)-1])
			return
		case r.Method == http.MethodDelete:
			w.WriteHeader(codes[0])
			return
		}
		_, _ = io.WriteString(w, "<R><IsTruncated>false</IsTruncated>")
		for i := range n {
			_, _ = fmt.Fprintf(w, "<Upload><Key>%s</Key><UploadId>%d%s</UploadId><Initiated>%s</Initiated></Upload>",
				key, i, key, old)
		}
		_, _ = io.WriteString(w, "</R>")
	}
}
