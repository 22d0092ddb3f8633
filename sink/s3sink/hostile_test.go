package s3sink_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

// flood answers with an endless body until the client disconnects, and counts the bytes that it
// could send.
func flood(t *testing.T, status int, sent *atomic.Int64) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead { // the run checks whether the object is stored
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		_, _ = w.Write([]byte("<Error><Code>InternalError</Code><Message>")) // the client may read on or not
		for block := bytes.Repeat([]byte("x"), 1<<20); sent.Load() < 128<<20; {
			n, err := w.Write(block)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestFlood is X10: an endless reply is not read to its end and not kept.
func TestFlood(t *testing.T) {
	for _, status := range []int{http.StatusOK, http.StatusBadRequest, http.StatusInternalServerError} {
		for _, size := range []int{50, 350} {
			var sent atomic.Int64
			client := newClient(flood(t, status, &sent))
			_, err := stream.Run(t.Context(), chunks(random(size), 10), s3sink.UploadWithin(10_000, client, bucket, key,
				small(s3sink.UploadOptions{})))
			if status != http.StatusOK && err == nil {
				t.Errorf("%d, %d bytes: no error", status, size)
			}
			if err != nil && len(err.Error()) > 10_000 {
				t.Errorf("%d, %d bytes: the error has %d bytes", status, size, len(err.Error()))
			}
			if n := sent.Load(); n > 64<<20 { // bytes of several replies, including those in the sockets
				t.Errorf("%d, %d bytes: %d bytes were read", status, size, n)
			}
		}
	}
}

// TestRedirect is X13: the credentials are not sent to the target of a redirect.
func TestRedirect(t *testing.T) {
	for _, status := range []int{http.StatusMovedPermanently, http.StatusTemporaryRedirect} {
		var heard atomic.Value
		elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			heard.Store(r.Header.Clone())
		}))
		here := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") == "" || r.Header.Get("X-Amz-Security-Token") == "" {
				t.Error("the service itself gets no credentials")
			}
			http.Redirect(w, r, strings.Replace(elsewhere.URL, "127.0.0.1", "localhost", 1)+r.URL.Path, status)
		}))
		client := newClient(here.URL, func(o *s3.Options) {
			o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{
					AccessKeyID: "AKIATEST", SecretAccessKey: "canary-secret",
					SessionToken: "canary-token",
				}, nil
			})
		})
		for _, size := range []int{50, 350} {
			_, err := stream.Run(t.Context(), chunks(random(size), 10), s3sink.UploadWithin(10_000, client, bucket, key,
				small(s3sink.UploadOptions{})))
			if err == nil {
				t.Errorf("%d, %d bytes: no error", status, size)
			}
		}
		if h, ok := heard.Load().(http.Header); ok {
			for _, k := range []string{"Authorization", "X-Amz-Security-Token"} {
				if h.Get(k) != "" {
					t.Errorf("%d: %s was sent elsewhere: %s", status, k, h.Get(k))
				}
			}
		}
		here.Close()
		elsewhere.Close()
	}
}
