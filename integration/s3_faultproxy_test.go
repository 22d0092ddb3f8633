package integration_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
)

// httpFault is a fault of an HTTP proxy. before gets the request, and returns true if it has
// answered it. after gets the server's reply, and answers in its place.
type httpFault struct {
	name   string
	before func(w http.ResponseWriter, body []byte) (answered bool)
	after  func(w http.ResponseWriter, reply *http.Response, body []byte)
	final  bool // it is a refusal: even once may end the run
}

// refuse returns a fault that answers in place of the server.
func refuse(status int, body string) func(http.ResponseWriter, []byte) bool {
	return func(w http.ResponseWriter, _ []byte) bool {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
		return true
	}
}

// reset closes the connection of a request.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // otherwise it is a FIN, which serves as well
	}
	_ = conn.Close()
}

// faultProxy is an HTTP proxy in front of an S3 server. It injects a fault into the first times
// requests of one operation, or into all for a negative number.
type faultProxy struct {
	*httptest.Server
	target    string // host:port
	transport *http.Transport

	mu    sync.Mutex
	op    string
	fault *httpFault
	times int
}

func newFaultProxy(t *testing.T, target string) *faultProxy {
	t.Helper()
	p := &faultProxy{target: target, transport: &http.Transport{DisableCompression: true}}
	p.Server = httptest.NewServer(p)
	t.Cleanup(func() {
		p.CloseClientConnections()
		p.Close()
		p.transport.CloseIdleConnections()
	})
	return p
}

// inject sets the fault. "" as the operation means none.
func (p *faultProxy) inject(op string, fault *httpFault, times int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.op, p.fault, p.times = op, fault, times
}

// take returns the fault of a request, or an empty one.
func (p *faultProxy) take(op string) *httpFault {
	p.mu.Lock()
	defer p.mu.Unlock()
	if op != p.op || p.times == 0 {
		return &httpFault{}
	}
	p.times--
	return p.fault
}

// operation returns the name of a request in the API of S3. That of a part ends with its number.
func operation(r *http.Request) string {
	q := r.URL.Query()
	switch {
	case r.Method == http.MethodPut && q.Has("partNumber"):
		return "UploadPart" + q.Get("partNumber")
	case r.Method == http.MethodPost && q.Has("uploads"):
		return "CreateMultipartUpload"
	case r.Method == http.MethodPost && q.Has("uploadId"):
		return "CompleteMultipartUpload"
	case r.Method == http.MethodDelete && q.Has("uploadId"):
		return "AbortMultipartUpload"
	}
	return r.Method
}

// ServeHTTP implements [http.Handler].
func (p *faultProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fault := p.take(operation(r))
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if fault.before != nil && fault.before(w, sent) {
		return
	}
	on, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+p.target+r.URL.RequestURI(),
		bytes.NewReader(sent))
	if err != nil {
		panic(err)
	}
	on.Header, on.Host = r.Header.Clone(), r.Host
	on.Header.Del("Expect")
	reply, err := p.transport.RoundTrip(on)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer reply.Body.Close()
	got, err := io.ReadAll(reply.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if fault.after != nil {
		fault.after(w, reply, got)
		return
	}
	for name, values := range reply.Header {
		w.Header()[name] = values
	}
	if r.Method != http.MethodHead {
		w.Header().Set("Content-Length", strconv.Itoa(len(got)))
	}
	w.WriteHeader(reply.StatusCode)
	_, _ = w.Write(got) // fails only if the client has disconnected
}
