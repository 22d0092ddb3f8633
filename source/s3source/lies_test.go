package s3source_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// served returns a client of a server with the handler serve.
func served(t *testing.T, serve http.HandlerFunc) *s3.Client {
	t.Helper()
	server := httptest.NewServer(serve)
	t.Cleanup(server.Close)
	_, client := newServer(t, nil)
	options := client.Options()
	options.BaseEndpoint = &server.URL
	return s3.New(options)
}

// TestLyingRanges has replies with a single error each, which only one check detects.
func TestLyingRanges(t *testing.T) {
	ranged := &s3source.DownloadOptions{Offset: 10, Length: 5, RetryTimeout: -1}
	for name, c := range map[string]struct {
		opts  *s3source.DownloadOptions
		serve http.HandlerFunc
	}{
		"206 without a range, and HEAD agrees with its length": {
			&s3source.DownloadOptions{RetryTimeout: -1}, say(206, "01234", "Content-Length", "5", "Etag", `"e"`),
		},
		"a byte more than was asked for": {ranged, say(206, "012345", "Content-Range", "bytes 10-15/100", "Etag",
			`"e"`)},
		"an empty range": {ranged, say(206, "", "Content-Range", "bytes 10-9/100", "Etag", `"e"`)},
	} {
		got, err := read(t.Context(), s3source.Download(served(t, c.serve), bucket, key, c.opts))
		if !errors.Is(err, s3source.ErrBadReply) || len(got) > 0 {
			t.Errorf("%s: %d bytes came, %v", name, len(got), err)
		}
	}
}

// TestShorterWithEachReply: the reply with the rest of an object states a smaller total size than
// the object had. A proxy may have cut it.
func TestShorterWithEachReply(t *testing.T) {
	server, client := newServer(t, nil)
	server.Put(bucket, key, random(10_000))
	server.Fault(s3test.Fault{After: all(without, s3test.CutAfter(4000))})
	server.Fault(s3test.Fault{Op: "GetObject", Times: always, After: all(set("Content-Range", "bytes 4000-4999/5000"),
		s3test.Shorten(1000))})
	got, err := read(t.Context(), s3source.Download(client, bucket, key,
		&s3source.DownloadOptions{RetryTimeout: brief}))
	if !errors.Is(err, s3source.ErrBadReply) || !bytes.HasPrefix(random(10_000), got) {
		t.Errorf("%d bytes came, %v", len(got), err)
	}
}

// TestRedirectedHead: the HEAD for the length of an object is redirected to another host. The
// session token is not sent there.
func TestRedirectedHead(t *testing.T) {
	var heard atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		heard.Add(1)
		say(200, "", "Content-Length", "4", "Etag", `"e"`)(w, r)
	}))
	defer elsewhere.Close()
	client := served(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			http.Redirect(w, r, strings.Replace(elsewhere.URL, "127.0.0.1", "localhost", 1)+r.URL.Path,
				http.StatusTemporaryRedirect)
			return
		}
		say(200, "0123", "Content-Length", "4", "Etag", `"e"`)(w, r)
	})
	_, err := read(t.Context(), s3source.Download(client, bucket, key, nil))
	if stream.ClassOf(err) != stream.Fatal || heard.Load() > 0 {
		t.Errorf("it ended with %v, and %d requests were made elsewhere", err, heard.Load())
	}
}
