package exectest

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
)

// ProxyS3 starts a proxy in front of the S3 server, and returns its URL. It calls handle with each
// request, which forward sends to the server.
func (w *World) ProxyS3(t *testing.T,
	handle func(rw http.ResponseWriter, r *http.Request, forward *httputil.ReverseProxy),
) string {
	t.Helper()
	target, err := url.Parse(*w.S3.Options().BaseEndpoint)
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(target) // keeps the Host, which is signed
	proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		handle(rw, r, forward)
	}))
	t.Cleanup(proxy.Close)
	return proxy.URL
}
