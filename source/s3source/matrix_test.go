package s3source_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// matrixFault is a kind of fault.
type matrixFault struct {
	name   string
	before func(*s3test.Request) *s3test.Reply
	after  func(*s3test.Request, *s3test.Reply)
	refuse bool // it is final: even once ends the run
}

var matrixFaults = []matrixFault{
	{name: "500", before: s3test.Fail(500, "InternalError")},
	{name: "502, HTML", before: func(*s3test.Request) *s3test.Reply {
		return &s3test.Reply{Status: 502, Body: []byte("<html>bad gateway</html>")}
	}},
	{name: "503 SlowDown", before: s3test.Fail(503, "SlowDown")},
	{name: "400 ExpiredToken", before: s3test.Fail(400, "ExpiredToken")},
	{name: "403", before: s3test.Fail(403, "AccessDenied"), refuse: true},
	{name: "404", before: s3test.Fail(404, "NoSuchKey"), refuse: true},
	{name: "412", before: s3test.Fail(412, "PreconditionFailed"), refuse: true},
	{name: "no connection", before: s3test.Drop},
	{name: "no answer", before: s3test.Hang},
	{name: "answer lost", after: s3test.Lose},
	{name: "reset in the body", after: s3test.CutAfter(333)},
	{name: "body too short, FIN", after: fin(333)},
	{name: "body and length too short", after: s3test.Shorten(333)},
	{name: "body too short, chunked", after: s3test.ShortenChunked(333)},
	{name: "empty body", after: s3test.Shorten(0)},
	{name: "HTML for the object", after: s3test.Say("<html>captive portal</html>"), refuse: true},
	{name: "HTML, chunked", after: func(_ *s3test.Request, r *s3test.Reply) { *r = *chunkedPage(nil) }},
	{name: "range ignored", before: func(r *s3test.Request) *s3test.Reply { r.Header.Del("Range"); return nil }},
	{name: "another range", after: func(_ *s3test.Request, r *s3test.Reply) {
		if r.Header.Get("Content-Range") != "" {
			r.Header.Set("Content-Range", "bytes 1-1000/10000")
		}
	}},
	{name: "another ETag", after: set("Etag", `"other"`), refuse: true},
	{name: "a bit flipped", after: func(req *s3test.Request, r *s3test.Reply) {
		if len(r.Body) > 0 {
			flip(req, r)
		}
	}, refuse: true},
}

// matrixPlaces are the requests that a fault hits.
var matrixPlaces = []struct {
	name string
	opts s3source.DownloadOptions
	op   string
	skip int
	cut  bool // the first reply breaks off, so that the fault hits the request for the rest
}{
	{name: "first GET", op: "GetObject"},
	{name: "GET of the rest", op: "GetObject", cut: true},
	{name: "GET of a range", op: "GetObject", opts: s3source.DownloadOptions{Offset: 1000, Length: 5000}},
	{name: "HEAD before parts", op: "HeadObject", opts: s3source.DownloadOptions{Parallelism: 3, PartSize: 1000}},
	{name: "a part", op: "GetObject", skip: 4, opts: s3source.DownloadOptions{Parallelism: 3, PartSize: 1000}},
}

// TestMatrix downloads an object with every kind of fault at every place, once, twice and always.
// No cell may bring wrong bytes without an error, or hang; a transient fault that comes once or
// twice must not be noticed. With -v it prints the table of docs/reliability.md.
func TestMatrix(t *testing.T) {
	data := random(10_000)
	var table strings.Builder
	fmt.Fprint(&table, "| fault |")
	for _, p := range matrixPlaces {
		fmt.Fprintf(&table, " %s |", p.name)
	}
	fmt.Fprint(&table, "\n|---"+strings.Repeat("|---", len(matrixPlaces))+"|\n")
	outcomes := make([][3]string, len(matrixFaults)*len(matrixPlaces))
	var wg sync.WaitGroup
	atOnce := make(chan struct{}, 16) // they wait most of the time
	for i := range outcomes {
		for n, times := range []int{1, 2, always} {
			atOnce <- struct{}{}
			wg.Go(func() {
				defer func() { <-atOnce }()
				f, place := matrixFaults[i/len(matrixPlaces)], i%len(matrixPlaces)
				outcome, problem := matrixCell(t, f, place, times, data)
				if outcomes[i][n] = outcome; problem != "" {
					t.Errorf("%s, %s, %d times: %s", f.name, matrixPlaces[place].name, times, problem)
				}
			})
		}
	}
	wg.Wait()
	for i, o := range outcomes {
		if place := i % len(matrixPlaces); place == 0 {
			fmt.Fprintf(&table, "| %s |", matrixFaults[i/len(matrixPlaces)].name)
		}
		fmt.Fprintf(&table, " %s |", strings.Join(o[:], " "))
		if i%len(matrixPlaces) == len(matrixPlaces)-1 {
			fmt.Fprintln(&table)
		}
	}
	cells := 3 * len(outcomes)
	if cells < 90 {
		t.Errorf("only %d cells", cells)
	}
	t.Logf("%d cells\n%s", cells, table.String())
	checkTable(t, table.String())
}

// matrixCell runs one cell. It returns "✓" for the right bytes, "✗" for an error and "≈" for other
// bytes that the download had said it could not verify.
func matrixCell(t *testing.T, f matrixFault, place, times int, data []byte) (outcome, problem string) {
	p := matrixPlaces[place]
	server, client := newServer(t, nil)
	defer server.Close()
	server.Put(bucket, key, data)
	if p.cut {
		server.Fault(s3test.Fault{After: s3test.CutAfter(2000)})
	}
	server.Fault(s3test.Fault{Op: p.op, Skip: p.skip, Times: times, Before: f.before, After: f.after})
	opts := p.opts
	opts.ChunkSize, opts.StallTimeout, opts.RetryTimeout = 100, time.Minute, time.Hour
	if f.name == "no answer" {
		opts.StallTimeout = 200 * time.Millisecond
	}
	if times == always {
		opts.RetryTimeout = 300 * time.Millisecond
	}
	shortHEAD := p.op == "HeadObject" && strings.Contains(f.name, "short")
	return matrixDownload{
		client: client, opts: opts, data: data, limit: time.Minute, flips: f.name == "a bit flipped",
		survives: times != always && !f.refuse && !shortHEAD,
	}.run(t)
}

// matrixDownload is a download with faults.
type matrixDownload struct {
	client   *s3.Client
	opts     s3source.DownloadOptions
	data     []byte // of the object
	limit    time.Duration
	flips    bool // a fault changes bytes
	survives bool // the faults must not be noticed
}

// run runs the download. It returns the outcome as [matrixCell] does.
func (d matrixDownload) run(t *testing.T) (outcome, problem string) {
	opts, want := d.opts, d.data
	if opts.Length > 0 {
		want = want[opts.Offset:][:opts.Length]
	}
	var verified bool
	opts.OnObject = func(o s3source.Object) error { verified = o.Verification.Algorithm != ""; return nil }
	ctx, cancel := context.WithTimeoutCause(t.Context(), d.limit, errHang)
	defer cancel()
	got, err := read(ctx, s3source.Download(d.client, bucket, key, &opts))
	switch {
	case errors.Is(err, errHang):
		problem = "it hangs"
	case err == nil && !bytes.Equal(got, want) && (!d.flips || verified):
		problem = "wrong bytes, and no error"
	case err != nil && !bytes.HasPrefix(want, got) && !d.flips:
		problem = fmt.Sprint("wrong bytes before ", err)
	case err != nil && stream.ClassOf(err) == stream.Unclassified:
		problem = fmt.Sprint("no class: ", err)
	case err != nil && d.survives:
		problem = err.Error()
	}
	switch {
	case err == nil && bytes.Equal(got, want):
		return "✓", problem
	case err == nil:
		return "≈", problem
	}
	return "✗", problem
}

var errHang = errors.New("it hangs")

// checkTable compares a table with that of docs/reliability.md.
func checkTable(t *testing.T, table string) {
	t.Helper()
	page, err := os.ReadFile("../../docs/reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(page, []byte(table)) {
		t.Errorf("docs/reliability.md has another table; this is the right one:\n%s", table)
	}
}
