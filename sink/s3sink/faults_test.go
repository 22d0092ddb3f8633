package s3sink_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go"
	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

// always makes a fault affect every request that matches.
const always = -1

// end is the expected end of a run.
type end int

const (
	stored  end = iota // no error, and the object is stored
	failed             // an error, and nothing is left
	pending            // an error and no object, and the upload is left
	unknown            // ErrOutcomeUnknown
)

// is returns a function that reports whether an error is one of targets.
func is(targets ...error) func(error) bool {
	return func(err error) bool {
		for _, t := range targets {
			if !errors.Is(err, t) {
				return false
			}
		}
		return true
	}
}

// coded returns a function that reports whether an error has the code of S3.
func coded(code string) func(error) bool {
	return func(err error) bool {
		var api smithy.APIError
		return errors.As(err, &api) && api.ErrorCode() == code
	}
}

// emptyTag removes the ETag from a reply.
func emptyTag(_ *s3test.Request, r *s3test.Reply) { r.Header.Del("Etag") }

// faultCase is an upload to a service with faults.
type faultCase struct {
	name   string
	size   int
	opts   s3sink.UploadOptions
	faults []s3test.Fault
	old    []byte // the object at the key before the run
	want   end
	err    func(error) bool
}

func TestFaults(t *testing.T) {
	for _, tt := range slices.Concat(survivedFaults(), fatalFaults()) {
		t.Run(tt.name, func(t *testing.T) {
			server, client := newServer(t, anyParts)
			if tt.old != nil {
				server.Put(bucket, key, tt.old)
			}
			for _, f := range tt.faults {
				server.Fault(f)
			}
			data := random(tt.size)
			obj, err := stream.Run(t.Context(), chunks(data, 30), s3sink.UploadWithin(10_000, client, bucket, key,
				small(tt.opts)))
			if (err == nil) != (tt.want == stored) || tt.err != nil && !tt.err(err) {
				t.Errorf("the error is %v", err)
			}
			if err != nil && obj != (s3sink.Object{}) {
				t.Errorf("beside the error there is %+v", obj)
			}
			if got := errors.Is(err, s3sink.ErrOutcomeUnknown); got != (tt.want == unknown &&
				!errors.Is(err, s3sink.ErrMismatch)) {
				t.Errorf("the outcome is unknown: %v (%v)", got, err)
			}
			if err != nil && strings.Contains(err.Error(), "canary-secret") {
				t.Errorf("the error tells the secret: %v", err)
			}
			switch tt.want {
			case stored:
				expectStored(t, server, data, obj)
			case failed:
				if tt.old != nil {
					if string(server.Object(bucket, key).Body) != string(tt.old) {
						t.Error("the older object is gone")
					}
					server.Remove(bucket, key)
				}
				expectNothing(t, server)
			case pending:
				if o := server.Object(bucket, key); o != nil && string(o.Body) != string(tt.old) {
					t.Error("there is an object")
				}
			}
		})
	}
}

// advised reports whether err suggests a solution.
func advised(err error) bool {
	return coded("NotImplemented")(err) && strings.Contains(err.Error(), "ChecksumNone")
}

// each returns a fault for every operation of a multipart upload.
func each(f func(op string) s3test.Fault) []s3test.Fault {
	return []s3test.Fault{f("CreateMultipartUpload"), f("UploadPart"), f("CompleteMultipartUpload")}
}

// say replies 200 with body, and the request is not executed.
func say(body string) func(*s3test.Request) *s3test.Reply {
	return func(*s3test.Request) *s3test.Reply { return &s3test.Reply{Body: []byte(body)} }
}

// skewed rejects the time of a request: the server's clock is an hour fast.
func skewed(*s3test.Request) *s3test.Reply {
	r := s3test.Fail(403, "RequestTimeTooSkewed")(nil)
	r.Header.Set("Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
	return r
}

// unencrypted removes the encryption header from a reply.
func unencrypted(_ *s3test.Request, r *s3test.Reply) { r.Header.Del("X-Amz-Server-Side-Encryption") }

// TestEveryPartFails is U7: if any part fails, the upload is not completed.
func TestEveryPartFails(t *testing.T) {
	for part := 1; part <= 10; part++ {
		server, client := newServer(t, anyParts)
		server.Fault(s3test.Fault{
			Op: "UploadPart", Part: part, Times: always,
			Before: s3test.Fail(403, "AccessDenied"),
		})
		_, err := stream.Run(t.Context(), chunks(random(950), 30), s3sink.UploadWithin(10_000, client, bucket, key,
			small(s3sink.UploadOptions{})))
		if !coded("AccessDenied")(err) || !strings.Contains(err.Error(), fmt.Sprintf("part %d ", part)) {
			t.Errorf("part %d: %v", part, err)
		}
		expectNothing(t, server)
		if server.Count("CompleteMultipartUpload") > 0 {
			t.Errorf("part %d failed, and the upload was completed", part)
		}
	}
}

// TestSourceFails is C9: if the upstream fails at any byte, nothing is left, and its error is
// returned unchanged.
func TestSourceFails(t *testing.T) {
	for _, size := range []int{0, 1, 99, 100, 101, 250, 950} {
		server, client := newServer(t, anyParts)
		src := then(chunks(random(size), 30), func(context.Context) error { return errSource })
		_, err := stream.Run(t.Context(), src, s3sink.UploadWithin(10_000, client, bucket, key,
			small(s3sink.UploadOptions{})))
		if err != errSource { //nolint:errorlint // unchanged
			t.Errorf("after %d bytes: %v", size, err)
		}
		expectNothing(t, server)
	}
}

// TestSourceSwallows has a broken upstream that treats an error of emit as its end.
func TestSourceSwallows(t *testing.T) {
	for _, op := range []string{"CreateMultipartUpload", "UploadPart"} {
		server, client := newServer(t, anyParts)
		server.Fault(s3test.Fault{Op: op, Before: s3test.Fail(403, "AccessDenied")})
		_, err := stream.Run(t.Context(),
			stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
				for range 50 {
					_ = emit(random(40))
				}
				return nil
			}), s3sink.UploadWithin(10_000, client, bucket, key, small(s3sink.UploadOptions{})))
		if !coded("AccessDenied")(err) {
			t.Errorf("%s: the error is %v", op, err)
		}
		expectNothing(t, server)
	}
}

// TestRacers is U23: if many runs write one key with IfAbsent, one of them succeeds.
func TestRacers(t *testing.T) {
	for _, size := range []int{50, 350} {
		server, client := newServer(t, anyParts)
		results := make(chan error, 10)
		for i := range 10 {
			go func() {
				_, err := stream.Run(t.Context(), chunks(random(size+i), 30),
					s3sink.UploadWithin(10_000, client, bucket, key, small(s3sink.UploadOptions{IfAbsent: true})))
				results <- err
			}()
		}
		won := 0
		for range 10 {
			switch err := <-results; {
			case err == nil:
				won++
			case !errors.Is(err, s3sink.ErrExists):
				t.Errorf("a loser got %v", err)
			}
		}
		if won != 1 {
			t.Errorf("%d won", won)
		}
		if u := server.Uploads(bucket); len(u) > 0 {
			t.Errorf("uploads are pending: %v", u)
		}
	}
}

// TestEarlyRefusal is U32: a reply arrives while the body is still being sent. The race detector
// watches the buffer.
func TestEarlyRefusal(t *testing.T) {
	server, client := newServer(t, nil)
	server.Fault(s3test.Fault{Op: "UploadPart", Times: always, Unread: true, Before: s3test.Fail(403, "AccessDenied")})
	endless := stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
		for {
			if err := emit(make([]byte, 1<<20)); err != nil {
				return err
			}
		}
	})
	_, err := stream.Run(t.Context(), endless, s3sink.Upload(client, bucket, key,
		&s3sink.UploadOptions{PartSize: 5 << 20}))
	if err == nil || errors.Is(err, io.EOF) {
		t.Errorf("the error is %v", err)
	}
	expectNothing(t, server)
}
