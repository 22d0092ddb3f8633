package integration_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/integration/servers"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

const htmlPage = "<html>a proxy</html>"

// httpFaults are the kinds of faults that a proxy can inject into real connections.
var httpFaults = []httpFault{
	{name: "500", before: refuse(500, "<Error><Code>InternalError</Code></Error>")},
	{name: "502, HTML", before: refuse(502, htmlPage)},
	{name: "503 SlowDown", before: refuse(503, "<Error><Code>SlowDown</Code></Error>")},
	{name: "429", before: refuse(429, "")},
	{name: "400 RequestTimeout", before: refuse(400, "<Error><Code>RequestTimeout</Code></Error>")},
	{name: "409 OperationAborted", before: refuse(409, "<Error><Code>OperationAborted</Code></Error>")},
	{name: "403", before: refuse(403, "<Error><Code>AccessDenied</Code></Error>"), final: true},
	{name: "connection closed", before: func(w http.ResponseWriter, _ []byte) bool { reset(w); return true }},
	{name: "200, HTML, not executed", before: refuse(200, htmlPage)},
	{name: "200 with an error", before: refuse(200, "<Error><Code>InternalError</Code></Error>")},
	{name: "a bit flipped", before: func(_ http.ResponseWriter, body []byte) bool {
		if len(body) > 0 {
			body[len(body)/2] ^= 1
		}
		return false
	}},
	{name: "reply lost", after: func(w http.ResponseWriter, _ *http.Response, _ []byte) { reset(w) }},
	{name: "reply cut", after: func(w http.ResponseWriter, reply *http.Response, body []byte) {
		for name, values := range reply.Header {
			w.Header()[name] = values
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(body)+1))
		w.WriteHeader(reply.StatusCode)
		_, _ = w.Write(body[:len(body)/2])
		_ = http.NewResponseController(w).Flush()
		reset(w)
	}},
	{name: "200, empty, executed", after: func(w http.ResponseWriter, _ *http.Response, _ []byte) {
		w.WriteHeader(200)
	}},
	{name: "200, HTML, executed", after: func(w http.ResponseWriter, _ *http.Response, _ []byte) {
		refuse(200, htmlPage)(w, nil)
	}},
}

// httpPlace is a request that a fault hits.
type httpPlace struct {
	name  string
	op    string
	size  int
	fails bool // the source fails, so that the upload is aborted
}

var httpPlaces = []httpPlace{
	{name: "put", op: http.MethodPut, size: 1000},
	{name: "create", op: "CreateMultipartUpload", size: partSize + 1000},
	{name: "first part", op: "UploadPart1", size: partSize + 1000},
	{name: "last part", op: "UploadPart2", size: partSize + 1000},
	{name: "complete", op: "CompleteMultipartUpload", size: partSize + 1000},
	{name: "abort", op: "AbortMultipartUpload", size: partSize + 1000, fails: true},
}

// TestUploadMatrix uploads to real servers through a proxy that injects every kind of fault into
// every request, once, twice and always; a seeded sample without MILLWEIR_LONG. With -v it prints
// the table of docs/reliability.md.
func TestUploadMatrix(t *testing.T) {
	eachS3(t, func(t *testing.T, s *servers.S3) {
		random, bucket := seeded(t), s.Bucket(t)
		proxy := newFaultProxy(t, s.Addr())
		client := servers.Client(t, proxy.URL, func(o *s3.Options) {
			o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = 10 * time.Millisecond })
		})
		c := matrixCell{server: s, proxy: proxy, bucket: bucket, client: client}
		var table strings.Builder
		cells := 0
		for _, fault := range httpFaults {
			fmt.Fprintf(&table, "| %s |", fault.name)
			for _, place := range httpPlaces {
				for _, times := range []int{1, 2, -1} {
					if !long && random.IntN(20) > 0 {
						continue
					}
					cells++
					c.key, c.fault, c.place, c.times = fmt.Sprint("key", cells), fault, place, times
					mark, problem := c.run(t)
					if fmt.Fprint(&table, " ", mark); problem != "" {
						t.Errorf("%s at %s × %d: %s", fault.name, place.name, times, problem)
					}
				}
				fmt.Fprint(&table, " |")
			}
			fmt.Fprintln(&table)
		}
		t.Logf("%d cells\n%s", cells, table.String())
	})
}

// matrixCell is an upload with a fault.
type matrixCell struct {
	server *servers.S3
	proxy  *faultProxy
	client *s3.Client // through the proxy
	bucket string

	key   string
	fault httpFault
	place httpPlace
	times int
}

// run runs the cell. It returns "✓", "✗" for an error or "?" for an unknown outcome, and what is
// wrong, or "".
func (c *matrixCell) run(t *testing.T) (mark, problem string) {
	data := random()[:c.place.size]
	src := chunked(data, 1<<20)
	if c.place.fails {
		src = stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
			if err := chunked(data, 1<<20).Each(ctx, emit); err != nil {
				return err
			}
			return errTest
		})
	}
	opts := &s3sink.UploadOptions{PartSize: partSize, Parallelism: 2}
	if c.times < 0 {
		opts.RetryTimeout, opts.AbortTimeout = 300*time.Millisecond, time.Second
	}
	c.proxy.inject(c.place.op, &c.fault, c.times)
	_, err := stream.Run(t.Context(), src, s3sink.Upload(c.client, c.bucket, c.key, opts))
	c.proxy.inject("", nil, 0)
	left := len(c.server.Uploads(t, c.bucket, c.key))
	stored, other := c.look(t, data)
	direct := c.server.Client(t)
	if _, aerr := s3sink.AbortPending(t.Context(), direct, c.bucket, c.key,
		&s3sink.AbortPendingOptions{OlderThan: -time.Hour}); aerr != nil {
		return "", fmt.Sprint("AbortPending: ", aerr)
	}
	unknown, recovers := errors.Is(err, s3sink.ErrOutcomeUnknown), c.times > 0 && !c.fault.final
	switch {
	case other:
		problem = fmt.Sprint("the key has other bytes: ", err)
	case err == nil && !stored:
		problem = "success, and no object"
	case err != nil && !unknown && stored:
		problem = fmt.Sprint("a failure, and the object is stored: ", err)
	case c.place.fails && !errors.Is(err, errTest):
		problem = fmt.Sprint("the error is not the source's: ", err)
	case recovers && err != nil && !c.place.fails, recovers && c.place.fails && left > 0:
		problem = fmt.Sprint("it does not recover: ", err)
	case len(c.server.Uploads(t, c.bucket, c.key)) > 0:
		problem = "an upload lasts"
	}
	switch {
	case err == nil, c.place.fails && left == 0:
		return "✓", problem
	case unknown:
		return "?", problem
	}
	return "✗", problem
}

// look reports whether the key has an object with the bytes, or with others.
func (c *matrixCell) look(t *testing.T, data []byte) (stored, other bool) {
	for _, k := range c.server.Keys(t, c.bucket) {
		if k == c.key {
			body, _ := object(t, c.server.Client(t), c.bucket, c.key)
			return bytes.Equal(body, data), !bytes.Equal(body, data)
		}
	}
	return false, false
}
