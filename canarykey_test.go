package millweir_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/backup/s3store"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// TestCanaryOfCustomerKey provokes errors of uploads and downloads with a key of SSE-C. The service
// repeats the key in all that it says.
func TestCanaryOfCustomerKey(t *testing.T) {
	echo := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			said := r.Header.Get("X-Amz-Server-Side-Encryption-Customer-Key")
			for _, name := range []string{"X-Amz-Request-Id", "X-Amz-Id-2", "Etag", "X-Amz-Bucket-Region"} {
				w.Header().Set(name, said)
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "<Error><Code>"+said+"</Code><Message>"+said+"</Message></Error>")
		}
	}
	c := newCanaries(t, http.NotFound, inPath)
	for _, status := range []int{200, 307, 400, 403, 404, 500} {
		server := httptest.NewTLSServer(echo(status))
		client := s3.New(c.store.Options(), func(o *s3.Options) {
			o.BaseEndpoint, o.HTTPClient = &server.URL, server.Client()
		})
		name := fmt.Sprint("Upload with a customer's key, ", status)
		opts := &s3sink.UploadOptions{
			CustomerKey: []byte(customerCanary), RetryTimeout: -1, AbortTimeout: 100 * time.Millisecond,
			OnRetry: func(err error, _ time.Duration) { c.checkFailed(t, "OnRetry, "+name, err) },
		}
		_, err := stream.Run(t.Context(), source.Of([]byte("x")), s3sink.Upload(client, "b", "k", opts))
		c.checkFailed(t, name, err)
		c.checkDumped(t, name, err)
		src := s3source.Download(client, "b", "k", &s3source.DownloadOptions{
			CustomerKey: []byte(customerCanary), RetryTimeout: -1,
		})
		_, err = stream.Run(t.Context(), src, sink.Slice[[]byte]())
		if status != http.StatusOK { // the download of an object that is the key succeeds
			c.checkFailed(t, "Download, "+name, err)
			c.checkDumped(t, "Download, "+name, err)
		}
		_, err = s3source.Head(t.Context(), client, "b", "k", &s3source.HeadOptions{
			CustomerKey: []byte(customerCanary), RetryTimeout: -1,
		})
		if status != http.StatusOK {
			c.checkFailed(t, "Head, "+name, err)
			c.checkDumped(t, "Head, "+name, err)
		}
		err = s3sink.ProbeIfAbsent(t.Context(), client, "b", "k", opts)
		c.checkFailed(t, "ProbeIfAbsent, "+name, err)
		c.checkDumped(t, "ProbeIfAbsent, "+name, err)
		c.checkStore(t, fmt.Sprint(status), client)
		server.Close()
	}
	for name, key := range map[string]string{"http": customerCanary, "a long key": customerCanary + "!"} {
		opts := s3sink.UploadOptions{CustomerKey: []byte(key)}
		upload := s3sink.Upload(c.store, "b", "k", &opts)
		c.checkPrinted(t, "Upload, "+name, upload)
		_, err := stream.Run(t.Context(), source.Of([]byte("x")), upload)
		c.checkFailed(t, "Upload, "+name, err)
		c.checkDumped(t, "Upload, "+name, err)
		c.checkFailed(t, "a panic with options", panicWith(t.Context(), opts))
		down := s3source.DownloadOptions{CustomerKey: []byte(key)}
		head := s3source.HeadOptions{CustomerKey: []byte(key)}
		for _, holder := range []any{
			down, &down, head, &head, opts, &opts, opts.CustomerKey,
			[]any{opts},
			outer{opts},
			&outer{opts},
		} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
				c.check(t, fmt.Sprintf("%s of %T", verb, holder), fmt.Sprintf(verb, holder))
			}
		}
	}
	for _, key := range []string{customerCanary, customerCanary + "!"} {
		store := newKeyStore(c.store, key)
		c.checkPrinted(t, "a store", store)
		c.checkPrinted(t, "a store's Put", store.Put("a", nil))
		c.checkPrinted(t, "a store's Get", store.Get("a", nil))
		c.checkFailed(t, "a store's Check", store.Check(t.Context()))
	}
}

// newKeyStore returns a store whose objects have the key.
func newKeyStore(client s3store.API, key string) *s3store.Store {
	return s3store.New(client, "b", "", &s3store.Options{
		Upload:       s3sink.UploadOptions{CustomerKey: []byte(key), AbortTimeout: 100 * time.Millisecond},
		Download:     s3source.DownloadOptions{CustomerKey: []byte(key)},
		RetryTimeout: -1,
	})
}

// checkStore provokes errors of a store.
func (c *canaries) checkStore(t *testing.T, name string, client s3store.API) {
	t.Helper()
	store := newKeyStore(client, customerCanary)
	_, put := stream.Run(t.Context(), source.Of([]byte("x")), store.Put("a", nil))
	for operation, err := range map[string]error{
		"Check": store.Check(t.Context()), "Put": put, "Hold": store.Hold(t.Context(), "a", time.Now()),
	} {
		c.checkFailed(t, "a store's "+operation+", "+name, err)
		c.checkDumped(t, "a store's "+operation+", "+name, err)
	}
	c.checkPrinted(t, "a store, "+name, store)
}
