package integration_test

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/integration/servers"
)

// moment is when a server is killed, relative to a request.
type moment string

const (
	beforeRequest moment = "before it"
	inRequest     moment = "in it" // in its body or that of the reply, or a random time after it was sent
	afterReply    moment = "after it"
)

var moments = []moment{beforeRequest, inRequest, afterReply}

// errReplyLost is how a transport reports a reply that it has not read.
var errReplyLost = errors.New("read: connection reset by peer: the reply is lost")

// s3Kill is an HTTP transport that kills the server (SIGKILL) at one request, and starts it again
// after an outage.
type s3Kill struct {
	t      testing.TB // of the phase
	server *servers.S3
	next   http.RoundTripper
	phase
	nth      int32 // of its requests, from 1
	at       moment
	fraction float64       // of a body, or of shortly
	outage   time.Duration // how long the server stays away

	seen      atomic.Int32
	killed    atomic.Bool
	restarted chan struct{} // closed when the server runs again

	unknown bool // the run ended with an unknown outcome, as it must
}

// shortly is the longest time between a request without a body and the kill.
const shortly = 3 * time.Millisecond

// client returns a client whose requests go through k.
func (k *s3Kill) client() *s3.Client {
	return servers.Client(k.t, k.server.Endpoint(), func(o *s3.Options) {
		k.next = o.HTTPClient.(*http.Client).Transport
		o.HTTPClient = &http.Client{Transport: k}
	})
}

// RoundTrip implements http.RoundTripper.
func (k *s3Kill) RoundTrip(r *http.Request) (*http.Response, error) {
	if !k.is(r) || k.seen.Add(1) != k.nth {
		return k.next.RoundTrip(r)
	}
	switch k.at {
	case beforeRequest:
		k.kill()
		return k.next.RoundTrip(r)
	case inRequest:
		return k.killWithin(r)
	}
	resp, err := k.next.RoundTrip(r)
	if err == nil {
		_ = resp.Body.Close()
		err = errReplyLost
	}
	k.kill()
	return nil, err
}

func (k *s3Kill) killWithin(r *http.Request) (*http.Response, error) {
	switch {
	case r.Method == http.MethodGet:
		resp, err := k.next.RoundTrip(r)
		if err != nil {
			k.kill()
			return resp, err
		}
		resp.Body = k.body(resp.Body, resp.ContentLength)
		return resp, nil
	case r.ContentLength >= partSize/2:
		r = r.Clone(r.Context())
		r.Body = k.body(r.Body, r.ContentLength)
		return k.next.RoundTrip(r)
	}
	killed := make(chan struct{})
	go func() {
		defer close(killed)
		time.Sleep(time.Duration(k.fraction * float64(shortly)))
		k.kill()
	}()
	defer func() { <-killed }()
	return k.next.RoundTrip(r)
}

// kill kills the server. It returns when it has ended, and the server starts again in the
// background.
func (k *s3Kill) kill() {
	k.server.Kill(k.t)
	k.killed.Store(true)
	go func() {
		defer close(k.restarted)
		time.Sleep(k.outage)
		k.server.Restart(k.t)
	}()
}

// wait waits until the server runs again. It fails the test if the server was not killed.
func (k *s3Kill) wait(t testing.TB) {
	t.Helper()
	if !k.killed.Load() {
		t.Fatal("the server was not killed")
	}
	<-k.restarted
}

// body returns a body of n bytes. The server is killed when a fraction of them has been read.
func (k *s3Kill) body(b io.ReadCloser, n int64) io.ReadCloser {
	return &killingBody{ReadCloser: b, left: int64(k.fraction * float64(n)), kill: k.kill}
}

type killingBody struct {
	io.ReadCloser
	left int64 // bytes until the kill
	kill func()
}

func (b *killingBody) Read(p []byte) (int, error) {
	if b.kill != nil && b.left <= 0 {
		b.kill()
		b.kill = nil
	}
	if b.kill != nil {
		p = p[:min(int64(len(p)), b.left)]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	return n, err
}
