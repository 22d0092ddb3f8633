package s3source_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/millweir/millweir/source/s3source"
)

// TestFlood is X10: an error reply with an endless body is not read to its end and not kept.
func TestFlood(t *testing.T) {
	var sent atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte("<Error><Code>BadRequest</Code><Message>")) // the client may read on or not
		for block := bytes.Repeat([]byte("x"), 1<<20); sent.Load() < 128<<20; {
			n, err := w.Write(block)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	}))
	defer server.Close()
	_, client := newServer(t, nil)
	options := client.Options()
	options.BaseEndpoint = &server.URL
	_, err := read(t.Context(), s3source.Download(s3.New(options), bucket, key, nil))
	if err == nil || len(err.Error()) > 10_000 {
		t.Errorf("the error is %.1000v", err)
	}
	if n := sent.Load(); n > 64<<20 { // bytes of several replies, including those in the sockets
		t.Errorf("%d bytes were read", n)
	}
}
