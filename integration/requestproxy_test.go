package integration_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

// requestProxy is an HTTP proxy in front of an S3 server. Its gate counts the requests. A request
// that has come whole is carried out also if the program is killed then.
type requestProxy struct {
	*httptest.Server
	*gate
	target    string // host:port
	transport *http.Transport
}

func newRequestProxy(t testing.TB, target string) *requestProxy {
	t.Helper()
	p := &requestProxy{gate: newGate(), target: target, transport: &http.Transport{DisableCompression: true}}
	p.Server = httptest.NewServer(p)
	t.Cleanup(func() {
		p.release(false)
		p.CloseClientConnections()
		p.Close()
		p.transport.CloseIdleConnections()
	})
	return p
}

// requestName returns the operation of a request and the folder of its object in the repository.
func requestName(r *http.Request) string {
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	query := r.URL.Query()
	if query.Has("list-type") {
		return "list " + folderOf(query.Get("prefix"))
	}
	return strings.TrimRight(operation(r), "0123456789") + " " + folderOf(key)
}

// folderOf returns the folder of a key of the repository, which has a prefix of one name.
func folderOf(key string) string {
	_, key, _ = strings.Cut(key, "/")
	folder, _, _ := strings.Cut(key, "/")
	return folder
}

// ServeHTTP implements [http.Handler].
func (p *requestProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	var reply *http.Response
	var body []byte
	err = p.exchange(requestName(r), func() error {
		on, err := http.NewRequestWithContext(context.WithoutCancel(r.Context()), r.Method,
			"http://"+p.target+r.URL.RequestURI(), bytes.NewReader(sent))
		if err != nil {
			return err
		}
		on.Header, on.Host = r.Header.Clone(), r.Host
		on.Header.Del("Expect")
		if reply, err = p.transport.RoundTrip(on); err != nil {
			return err
		}
		defer reply.Body.Close()
		body, err = io.ReadAll(reply.Body)
		return err
	}, func() error {
		for name, values := range reply.Header {
			w.Header()[name] = values
		}
		if r.Method != http.MethodHead {
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		}
		w.WriteHeader(reply.StatusCode)
		_, _ = w.Write(body) // fails only if the program is gone
		return nil
	})
	if err != nil {
		panic(http.ErrAbortHandler)
	}
}
