package s3source_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/internal/s3fixture"
	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// oneConnection returns a server in memory, and a client that allows one connection.
func oneConnection(t *testing.T) (*s3test.Server, *s3.Client) {
	t.Helper()
	server := s3test.New(&s3test.Options{InMemory: true, MinPartSize: -1})
	t.Cleanup(server.Close)
	server.CreateBucket(bucket)
	server.HTTPClient().Transport.(*http.Transport).MaxConnsPerHost = 1
	return server, s3fixture.NewClient(server.URL, func(o *s3.Options) { o.HTTPClient = server.HTTPClient() })
}

// namelessCells are downloads in which no request may wait for a connection that another request
// of the same download holds.
var namelessCells = struct {
	objects map[string]written
	faults  map[string][]s3test.Fault
	options map[string]s3source.DownloadOptions
}{
	objects: map[string]written{
		"one checksum":            {},
		"equal parts":             {algorithm: "CRC32", parts: []int{300, 300, 300, 100}},
		"unequal parts":           {algorithm: "SHA256", parts: []int{300, 200, 450, 50}},
		"parts, nothing compared": {parts: []int{300, 700}},
	},
	faults: map[string][]s3test.Fault{
		"all named":     nil,
		"GETs nameless": {{Op: "GetObject", Times: always, After: set("Etag", "")}},
		"one GET nameless": {
			{Op: "GetObject", After: set("Etag", "")},
		},
		"HEADs nameless": {{Op: "HeadObject", Times: always, After: set("Etag", "")}},
		"all nameless": {
			{Op: "GetObject", Times: always, After: set("Etag", "")},
			{Op: "HeadObject", Times: always, After: set("Etag", "")},
		},
		"no checksums": {{Op: "GetObject", Times: always, After: without}},
	},
	options: map[string]s3source.DownloadOptions{
		"whole":                     {},
		"whole, 1 chunk":            {ChunkSize: 5000},
		"whole, length only":        {Verify: s3source.VerifyLength},
		"whole by its length":       {Length: 1000},
		"range":                     {Offset: 123, Length: 456},
		"rest":                      {Offset: 400},
		"4 at a time":               {Parallelism: 4, PartSize: 110},
		"4 at a time, range":        {Parallelism: 4, PartSize: 110, Offset: 123, Length: 456},
		"4 at a time, by length":    {Parallelism: 4, PartSize: 110, Length: 1000},
		"4 at a time, small chunks": {Parallelism: 4, PartSize: 333, ChunkSize: 10},
	},
}

// TestOneConnectionNameless downloads with one connection, from services whose replies may have no
// ETag. Then a second request decides whether the first reply is used.
func TestOneConnectionNameless(t *testing.T) {
	for object, stored := range namelessCells.objects {
		for fault, faults := range namelessCells.faults {
			for option, opts := range namelessCells.options {
				name := strings.Join([]string{object, fault, option}, "; ")
				// Bytes of several replies, or a length that only a HEAD confirms, need an ETag in each.
				severalReplies := strings.Contains(fault, "GET") && opts.Parallelism > 1
				notCompared := len(stored.parts) > 0 && stored.algorithm == "" || opts.Verify == s3source.VerifyLength
				onlyByHead := notCompared && opts.Offset == 0 && opts.Length == 0
				mayRefuse := severalReplies || fault == "HEADs nameless" && onlyByHead
				t.Run(name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { oneConnectionCell(t, stored, faults, opts, mayRefuse) })
				})
			}
		}
	}
}

func oneConnectionCell(t *testing.T, o written, faults []s3test.Fault, opts s3source.DownloadOptions,
	mayRefuse bool,
) {
	server, client := oneConnection(t)
	data := random(1000)
	o.store(t, client, data)
	for _, f := range faults {
		server.Fault(f)
	}
	if opts.ChunkSize == 0 {
		opts.ChunkSize = 100
	}
	want := data[opts.Offset:]
	if opts.Length > 0 {
		want = want[:opts.Length]
	}
	opts.OnRetry = func(err error, _ time.Duration) {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("retry after %v", err)
		}
	}
	begin := time.Now()
	got, err := read(t.Context(), s3source.Download(client, bucket, key, &opts))
	refused := mayRefuse && errors.Is(err, s3source.ErrBadReply)
	if !refused && (err != nil || !bytes.Equal(got, want)) {
		t.Errorf("%d bytes of %d, %v", len(got), len(want), err)
	}
	if took := time.Since(begin); took > 30*time.Second {
		t.Errorf("it took %v", took)
	}
}

// TestNamelessReplaced: the object is replaced between the first reply, which is given up, and the
// second. Both have no ETag.
func TestNamelessReplaced(t *testing.T) {
	server, client := newServer(t, &s3test.Options{MinPartSize: -1})
	written{parts: []int{300, 700}}.store(t, client, random(1000))
	server.Fault(s3test.Fault{Op: "HeadObject", Times: always, After: set("Etag", "")})
	server.Fault(s3test.Fault{Op: "GetObject", After: set("Etag", "")})
	server.Fault(s3test.Fault{Op: "GetObject", Times: always, After: func(_ *s3test.Request, r *s3test.Reply) {
		r.Header.Set("Etag", "")
		r.Header.Set("Last-Modified", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
	}})
	got, err := read(t.Context(), s3source.Download(client, bucket, key, nil))
	if !errors.Is(err, s3source.ErrObjectChanged) || len(got) > 0 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// TestOneConnectionElsewhere: List, Head and a rejected range leave the only connection to the
// requests that follow, also to those of the consumer of a list.
func TestOneConnectionElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := oneConnection(t)
		for i := range 5 {
			server.Put(bucket, fmt.Sprint("dir/", i), random(100))
		}
		begin := time.Now()
		expired := s3test.Fail(400, "ExpiredToken")
		server.Fault(s3test.Fault{Op: "HeadObject", Times: 2, Before: expired}) // with and without checksums
		server.Fault(s3test.Fault{Op: "GetObject", Before: expired})            // finds the reason
		entries := 0
		for _, list := range []stream.Source[s3source.Entry]{
			s3source.List(client, bucket, "dir/", &s3source.ListOptions{PageSize: 2}),
			s3source.ListVersions(client, bucket, "dir/", &s3source.ListOptions{PageSize: 2}),
		} {
			err := list.Each(t.Context(), func(e s3source.Entry) error {
				entries++
				_, err := s3source.Head(t.Context(), client, bucket, e.Key, nil)
				return err
			})
			if err != nil {
				t.Error(err)
			}
		}
		for offset, want := range map[int64]error{99: nil, 100: nil, 101: io.ErrUnexpectedEOF} {
			for _, parallelism := range []int{1, 3} {
				opts := &s3source.DownloadOptions{Offset: offset, Parallelism: parallelism, PartSize: 10}
				_, err := read(t.Context(), s3source.Download(client, bucket, "dir/1", opts))
				if !errors.Is(err, want) {
					t.Errorf("from byte %d: %v", offset, err)
				}
			}
		}
		if took := time.Since(begin); entries != 10 || took > 30*time.Second {
			t.Errorf("%d entries in %v", entries, took)
		}
	})
}
