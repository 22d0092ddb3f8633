package s3sink_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

// ignoring is a service that ignores If-None-Match in the requests op.
func ignoring(op string) s3test.Fault {
	return s3test.Fault{Op: op, Times: always, Before: func(r *s3test.Request) *s3test.Reply {
		r.Header.Del("If-None-Match")
		return nil
	}}
}

func TestProbeIfAbsent(t *testing.T) {
	for name, tt := range map[string]struct {
		faults []s3test.Fault
		opts   s3sink.UploadOptions
		want   func(error) bool // nil for no error
		names  string           // in the error
	}{
		"it refuses": {},
		"it ignores the header of a put": {
			faults: []s3test.Fault{ignoring("PutObject")}, want: is(s3sink.ErrIgnoresIfNoneMatch), names: ": put",
		},
		"it ignores the header of a complete": {
			faults: []s3test.Fault{ignoring("CompleteMultipartUpload")}, want: is(s3sink.ErrIgnoresIfNoneMatch),
			names: "complete multipart upload",
		},
		"with KMS, it ignores the header of a complete": {
			faults: []s3test.Fault{ignoring("CompleteMultipartUpload")}, want: is(s3sink.ErrIgnoresIfNoneMatch),
			opts: s3sink.UploadOptions{ServerSideEncryption: "aws:kms"},
		},
		"with KMS, it refuses": {
			faults: []s3test.Fault{ignoring("PutObject")}, // which is not sent
			opts:   s3sink.UploadOptions{ServerSideEncryption: "aws:kms"},
		},
		"it does not know the header": {
			faults: []s3test.Fault{{Op: "PutObject", Times: always, Before: s3test.Fail(501, "NotImplemented")}},
			want:   coded("NotImplemented"),
		},
		"it is busy": {
			faults: []s3test.Fault{{Times: 2, Before: s3test.Fail(503, "SlowDown")}},
		},
		"the reply to a put is lost": {
			faults: []s3test.Fault{{Op: "PutObject", After: s3test.Lose}},
		},
		"every reply to a put is lost": {
			faults: []s3test.Fault{{Op: "PutObject", Times: always, After: s3test.Lose}},
			want:   is(s3sink.ErrOutcomeUnknown),
		},
		"another probe is under way": {
			faults: []s3test.Fault{{
				Op: "CompleteMultipartUpload", Before: s3test.Fail(409, "ConditionalRequestConflict"),
			}},
		},
		"no right to read": {
			faults: []s3test.Fault{{Op: "HeadObject", Times: always, Before: s3test.Fail(403, "AccessDenied")}},
		},
		"no right to write": {
			faults: []s3test.Fault{{Op: "PutObject", Times: always, Before: s3test.Fail(403, "AccessDenied")}},
			want:   coded("AccessDenied"),
		},
		"no right to abort": {
			faults: []s3test.Fault{{
				Op: "AbortMultipartUpload", Times: always, Before: s3test.Fail(403, "AccessDenied"),
			}},
			want: func(err error) bool { return errors.As(err, new(*s3sink.PendingError)) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			server, client := newServer(t, anyParts)
			for _, f := range tt.faults {
				server.Fault(f)
			}
			opts := *small(tt.opts)
			opts.PartSize = 0
			err := s3sink.ProbeIfAbsent(t.Context(), client, bucket, key, &opts)
			if tt.want == nil && err != nil || tt.want != nil && !tt.want(err) {
				t.Errorf("the error is %v", err)
			}
			if err != nil && !strings.Contains(err.Error(), tt.names) {
				t.Errorf("%v does not name %q", err, tt.names)
			}
			if tt.want == nil || errors.Is(err, s3sink.ErrIgnoresIfNoneMatch) {
				if u := server.Uploads(bucket); len(u) > 0 {
					t.Errorf("uploads are pending: %v", u)
				}
			}
		})
	}
}

// TestProbeAgain: a second probe stores nothing, on every service. Nor does it need the right to
// read, or to delete.
func TestProbeAgain(t *testing.T) {
	for _, service := range s3test.Services() {
		server, client := newServer(t, &s3test.Options{Service: service, Versioned: true})
		for range 3 {
			if err := s3sink.ProbeIfAbsent(t.Context(), client, bucket, key, nil); err != nil {
				t.Errorf("%v: %v", service, err)
			}
		}
		if n := len(server.Versions(bucket, key)); n != 1 {
			t.Errorf("%v: %d versions", service, n)
		}
		if n := server.Count("DeleteObject"); n > 0 {
			t.Errorf("%v: %d deletions", service, n)
		}
	}
}

// TestProbeOfAnotherObject: a probe never replaces an object that is not one, whatever the service
// does.
func TestProbeOfAnotherObject(t *testing.T) {
	server, client := newServer(t, nil)
	server.Fault(ignoring("PutObject"))
	server.Fault(ignoring("CompleteMultipartUpload"))
	server.Put(bucket, key, random(3))
	err := s3sink.ProbeIfAbsent(t.Context(), client, bucket, key, nil)
	if !errors.Is(err, s3sink.ErrExists) || errors.Is(err, s3sink.ErrIgnoresIfNoneMatch) {
		t.Errorf("the error is %v", err)
	}
	if !bytes.Equal(server.Object(bucket, key).Body, random(3)) || len(server.Requests()) != 1 {
		t.Errorf("%d requests were sent", len(server.Requests()))
	}
}

// TestProbeOfUnknownObject: a probe is stored only if the key has no other object, or the client may
// not know.
func TestProbeOfUnknownObject(t *testing.T) {
	for name, reply := range map[string]func(*s3test.Request) *s3test.Reply{
		"busy":       s3test.Fail(503, "SlowDown"),
		"broken":     s3test.Fail(500, "InternalError"),
		"rejected":   s3test.Fail(400, "BadRequest"),
		"lost":       s3test.Drop,
		"login page": func(*s3test.Request) *s3test.Reply { return &s3test.Reply{Status: 200} },
	} {
		server, client := newServer(t, nil)
		server.Fault(ignoring("PutObject"))
		server.Fault(ignoring("CompleteMultipartUpload"))
		server.Fault(s3test.Fault{Op: "HeadObject", Times: always, Before: reply})
		server.Put(bucket, key, random(3))
		err := s3sink.ProbeIfAbsent(t.Context(), client, bucket, key, &s3sink.UploadOptions{RetryTimeout: -1})
		if err == nil || errors.Is(err, s3sink.ErrIgnoresIfNoneMatch) {
			t.Errorf("%s: the error is %v", name, err)
		}
		if !bytes.Equal(server.Object(bucket, key).Body, random(3)) {
			t.Errorf("%s: the object was replaced", name)
		}
	}
}

// TestProbeAfterOutage: a HEAD that fails for a while is repeated.
func TestProbeAfterOutage(t *testing.T) {
	server, client := newServer(t, nil)
	server.Fault(s3test.Fault{Op: "HeadObject", Times: 4, Before: s3test.Fail(503, "SlowDown")})
	if err := s3sink.ProbeIfAbsent(t.Context(), client, bucket, key, nil); err != nil {
		t.Error(err)
	}
}

// breaking is an HTTP client whose connections break before each PutObject but the first is sent.
type breaking struct {
	s3.HTTPClient
	puts *int
}

func (b breaking) Do(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPut && !r.URL.Query().Has("partNumber") {
		if *b.puts++; *b.puts > 1 {
			httptrace.ContextClientTrace(r.Context()).GetConn("")
			return nil, io.ErrUnexpectedEOF
		}
	}
	return b.HTTPClient.Do(r)
}

// TestProbeBrokenOff: a connection that breaks is no refusal, although the key has an object: the
// probe.
func TestProbeBrokenOff(t *testing.T) {
	server, plain := newServer(t, nil)
	server.Fault(ignoring("PutObject"))
	client := newClient(server.URL, func(o *s3.Options) {
		o.HTTPClient = breaking{plain.Options().HTTPClient, new(int)}
	})
	err := s3sink.ProbeIfAbsent(t.Context(), client, bucket, key, &s3sink.UploadOptions{RetryTimeout: -1})
	if !errors.Is(err, s3sink.ErrBrokenOff) || stream.ClassOf(err) != stream.Retryable {
		t.Errorf("%v of the class %v", err, stream.ClassOf(err))
	}
}
