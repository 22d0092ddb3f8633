package s3sink_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

// slowServer is an HTTP client whose server reads a request, or sends a reply, at one byte per
// second.
type slowServer struct {
	takes string // the requests that it reads slowly
	gives string // the requests that it answers slowly
	reply string // the reply to a POST
}

// stalledServer is an HTTP client whose server reads half of a PUT's body, and then nothing.
type stalledServer struct{ slowServer }

func (s stalledServer) Do(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPut {
		return s.slowServer.Do(r)
	}
	if _, err := io.CopyN(io.Discard, r.Body, r.ContentLength/2); err != nil {
		return nil, err
	}
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// TestStall: an attempt ends after StallTimeout without progress, whatever the size of its body.
func TestStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := stalledServer{slowServer{reply: started("1")}}
		client := newClient("http://s3.example", func(o *s3.Options) { o.HTTPClient = server })
		begin := time.Now()
		_, err := stream.Run(t.Context(), chunks(random(10<<20), 1<<20), s3sink.UploadWithin(10_000, client, bucket,
			key, &s3sink.UploadOptions{PartSize: 8 << 20, RetryTimeout: -1}))
		if stream.ClassOf(err) != stream.Retryable || !strings.Contains(err.Error(), "no byte accepted") {
			t.Errorf("it ended with %v", err)
		}
		if took := time.Since(begin); took > 3*time.Minute+10*time.Second { // three attempts
			t.Errorf("it took %v", took)
		}
	})
}

func (s slowServer) Do(r *http.Request) (*http.Response, error) {
	what := r.Method
	if what == http.MethodPost && r.URL.Query().Has("uploadId") {
		what = "complete"
	}
	trace := httptrace.ContextClientTrace(r.Context())
	if trace != nil && trace.GetConn != nil {
		trace.GetConn("")
	}
	if r.Body != nil {
		var from io.Reader = r.Body
		if what == s.takes {
			from = slowBody{r.Context(), r.Body}
		}
		if _, err := io.Copy(io.Discard, from); err != nil {
			return nil, err
		}
	}
	if trace != nil && trace.WroteRequest != nil {
		trace.WroteRequest(httptrace.WroteRequestInfo{})
	}
	body := io.NopCloser(strings.NewReader(""))
	code, header := http.StatusOK, http.Header{"Etag": {`"e"`}}
	switch {
	case what == s.gives:
		body = slowBody{r.Context(), io.NopCloser(strings.NewReader(strings.Repeat(" ", 1<<20)))}
	case r.Method == http.MethodPost:
		body = io.NopCloser(strings.NewReader(s.reply))
	case r.Method == http.MethodHead, r.Method == http.MethodDelete:
		code = http.StatusNotFound
	}
	return &http.Response{StatusCode: code, Header: header, Body: body, Request: r}, nil
}

// slowBody returns one byte per second.
type slowBody struct {
	ctx context.Context
	io.ReadCloser
}

func (s slowBody) Read(p []byte) (int, error) {
	select {
	case <-time.After(time.Second):
		return s.ReadCloser.Read(p[:1])
	case <-s.ctx.Done():
		return 0, s.ctx.Err()
	}
}

// TestDrip uses a fake clock and slow servers. The deadline of each attempt ends it, although a
// byte arrives every second.
func TestDrip(t *testing.T) {
	const part, large = 1 << 20, 3 << 20
	begun := started("1")
	for _, tt := range []struct {
		name   string
		server slowServer
		size   int
		want   stream.Class
		within time.Duration // 3 attempts of a minute, a part at 16 KiB/s, and settling
	}{
		{"a body that is taken slowly", slowServer{takes: "PUT"}, part, stream.Retryable, 7 * time.Minute},
		{
			"a part that is taken slowly",
			slowServer{takes: "PUT", reply: begun},
			large, stream.Retryable,
			8 * time.Minute,
		},
		{"the reply to a body", slowServer{gives: "PUT"}, part, stream.Retryable, 8 * time.Minute},
		{"the reply to a part", slowServer{gives: "PUT", reply: begun}, large, stream.Retryable, 8 * time.Minute},
		{"the reply to the first request", slowServer{gives: "POST"}, large, stream.Retryable, 4 * time.Minute},
		{
			"the reply to the last request",
			slowServer{gives: "complete", reply: begun},
			large, stream.UnknownOutcome,
			40 * time.Minute,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := newClient("http://s3.example", func(o *s3.Options) { o.HTTPClient = tt.server })
				begin := time.Now()
				opts := &s3sink.UploadOptions{PartSize: part, RetryTimeout: -1}
				_, err := stream.Run(t.Context(), chunks(random(tt.size), 1<<18), s3sink.UploadWithin(10_000, client,
					bucket, key, opts))
				if err == nil || stream.ClassOf(err) != tt.want {
					t.Errorf("it ended with %v, class %v", err, stream.ClassOf(err))
				}
				if took := time.Since(begin); took > tt.within {
					t.Errorf("it took %v, want at most %v", took, tt.within)
				}
			})
		})
	}
	t.Run("a list", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			client := newClient("http://s3.example", func(o *s3.Options) { o.HTTPClient = slowServer{gives: "GET"} })
			begin := time.Now()
			_, err := s3sink.AbortPending(t.Context(), client, bucket, "", olderThan(time.Hour))
			if took := time.Since(begin); stream.ClassOf(err) != stream.Retryable || took > 4*time.Minute {
				t.Errorf("it ended with %v after %v", err, took)
			}
		})
	})
}

// silentServer is an HTTP client whose server sends the header of a reply, and then nothing.
type silentServer struct {
	slowServer
	to string // the requests that it answers so
}

func (s silentServer) Do(r *http.Request) (*http.Response, error) {
	reply, err := s.slowServer.Do(r)
	complete := r.URL.Query().Has("uploadId") && r.Method == http.MethodPost
	if err == nil && (s.to == r.Method && !complete || s.to == "complete" && complete) {
		reply.Body = silentBody{r.Context()}
	}
	return reply, err
}

type silentBody struct{ ctx context.Context }

func (s silentBody) Read([]byte) (int, error) {
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}

func (silentBody) Close() error { return nil }

// TestSilentReply: a reply that stands still after its header is a failure, not a cancellation.
func TestSilentReply(t *testing.T) {
	for to, want := range map[string]stream.Class{"POST": stream.Retryable, "complete": stream.UnknownOutcome} {
		synctest.Test(t, func(t *testing.T) {
			server := silentServer{slowServer{reply: started("1")}, to}
			client := newClient("http://s3.example", func(o *s3.Options) { o.HTTPClient = server })
			_, err := stream.Run(t.Context(), chunks(random(3<<20), 1<<18), s3sink.UploadWithin(10_000, client, bucket,
				key, &s3sink.UploadOptions{PartSize: 1 << 20, RetryTimeout: -1}))
			if stream.ClassOf(err) != want || !strings.Contains(err.Error(), "within") {
				t.Errorf("%s: %v is %v", to, err, stream.ClassOf(err))
			}
		})
	}
}
