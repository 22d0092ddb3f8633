package s3sink_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

// placedFault is a fault at a place.
type placedFault struct {
	place uploadPlace
	fault uploadFault
	times int
}

// cell is an upload with faults.
type cell struct {
	service s3test.Service
	place   uploadPlace
	faults  []placedFault

	oneConnection bool // the HTTP client allows no more
}

func (c cell) String() string {
	text := []string{c.service.String(), c.place.name}
	for _, f := range c.faults {
		text = append(text, fmt.Sprintf("%s at %s × %d", f.fault.name, f.place.name, f.times))
	}
	return strings.Join(text, ", ")
}

// outcome is what became of a cell.
type outcome struct {
	object  s3sink.Object
	err     error
	stored  bool // the object has the bytes of the stream
	damaged bool // the key has an object with other bytes
	queued  bool // a request waited for a connection in vain
	left    int  // unfinished uploads
	lasting int  // of those, after AbortPending
	abort   error
}

// run runs the cell with a fake clock, and fails t if it has a problem. It returns "✓" if the object
// is stored, or the upload aborted if that is the aim, "✗" for an error and "?" for an outcome that
// is unknown.
func (c cell) run(t *testing.T) (mark string) {
	problem := ""
	synctest.Test(t, func(t *testing.T) {
		o := c.upload(t)
		problem = c.problem(o)
		switch {
		case c.place.fails && o.left == 0, o.err == nil:
			mark = "✓"
		case errors.Is(o.err, s3sink.ErrOutcomeUnknown):
			mark = "?"
		default:
			mark = "✗"
		}
	})
	if problem != "" {
		t.Errorf("%v: %s", c, problem)
	}
	return mark
}

// upload runs the upload.
func (c cell) upload(t *testing.T) outcome {
	server := s3test.New(&s3test.Options{InMemory: true, MinPartSize: -1, Service: c.service})
	defer server.Close()
	server.CreateBucket(bucket)
	client := newClient(server.URL, func(o *s3.Options) { o.HTTPClient = server.HTTPClient() })
	if c.oneConnection {
		server.HTTPClient().Transport.(*http.Transport).MaxConnsPerHost = 1
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 24*time.Hour, errHang)
	defer cancel()
	data, opts := random(c.place.size), c.place.opts
	src := chunks(data, 30)
	if c.place.fails {
		src = then(src, func(context.Context) error { return errSource })
	}
	opts.PartSize, opts.Parallelism, opts.StallTimeout, opts.RetryTimeout = 100, 2, 10*time.Second, time.Minute
	if c.place.resumes {
		opts.Resume = c.interrupted(ctx, t, server, client)
	}
	for _, f := range c.place.first {
		server.Fault(f)
	}
	for _, f := range c.faults {
		server.Fault(s3test.Fault{
			Op: f.place.op, Part: f.place.part, Times: f.times, Before: f.fault.before, After: f.fault.after,
		})
	}
	var o outcome
	opts.OnRetry = func(err error, _ time.Duration) {
		o.queued = o.queued || strings.Contains(err.Error(), "no connection within")
	}
	o.object, o.err = stream.Run(ctx, src, s3sink.UploadWithin(10_000, client, bucket, key, &opts))
	if stored := server.Object(bucket, key); stored != nil {
		o.stored = bytes.Equal(stored.Body, data)
		o.damaged = !o.stored
	}
	o.left = len(server.Uploads(bucket))
	server.ClearFaults()
	_, o.abort = s3sink.AbortPending(ctx, client, bucket, "", olderThan(-time.Hour))
	o.lasting = len(server.Uploads(bucket))
	return o
}

// interrupted leaves an upload of the first parts, and returns its checkpoint.
func (c cell) interrupted(ctx context.Context, t *testing.T, server *s3test.Server, client s3sink.API,
) *s3sink.Checkpoint {
	var from s3sink.Checkpoint
	src := then(chunks(random(c.place.size)[:310], 30), func(context.Context) error { return errSource })
	_, err := stream.Run(ctx, src, s3sink.UploadWithin(10_000, client, bucket, key, &s3sink.UploadOptions{
		PartSize: 100, Parallelism: 1, KeepUpload: true, OnPart: func(p s3sink.Part) { from = p.Checkpoint },
	}))
	if !errors.Is(err, errSource) || len(server.Uploads(bucket)) != 1 {
		t.Fatalf("the first run ended with %v", err)
	}
	return &from
}

var errHang = errors.New("it hangs")

// problem returns what is wrong with an outcome, or "".
func (c cell) problem(o outcome) string {
	unknown := errors.Is(o.err, s3sink.ErrOutcomeUnknown)
	recovers := true
	for _, f := range c.faults {
		recovers = recovers && !f.fault.final && f.times != always
	}
	switch {
	case errors.Is(o.err, errHang):
		return "it hangs"
	case o.queued:
		return "a request waits for a connection that the upload holds"
	case o.damaged && !errors.Is(o.err, s3sink.ErrMismatch):
		return fmt.Sprintf("the key has other bytes: %v", o.err)
	case o.err == nil && !o.stored:
		return "success, and no object"
	case o.err == nil && c.place.fails:
		return "success, and the source failed"
	case o.err != nil && !unknown && o.stored:
		return fmt.Sprintf("a failure, and the object is stored: %v", o.err)
	case o.err != nil && stream.ClassOf(o.err) == stream.Unclassified && !c.place.fails:
		return fmt.Sprintf("no class: %v", o.err)
	case c.place.fails && !errors.Is(o.err, errSource):
		return fmt.Sprintf("the error is not the source's: %v", o.err)
	case o.err == nil && (o.object.Key != key || o.object.Size != int64(c.place.size)):
		return fmt.Sprintf("the result is %+v", o.object)
	case o.err != nil && recovers && !c.place.fails:
		return fmt.Sprintf("it does not recover: %v", o.err)
	case c.place.fails && recovers && o.left > 0 && !c.losesUpload():
		return fmt.Sprintf("%d uploads are left: %v", o.left, o.err)
	case o.err == nil && o.left > 0 && !c.losesUpload():
		return fmt.Sprintf("success, and %d uploads are left", o.left)
	case o.lasting > 0 || o.abort != nil:
		return fmt.Sprintf("%d uploads last: %v", o.lasting, o.abort)
	}
	return ""
}

// losesUpload reports whether a fault hides the id of an upload, which only AbortPending then finds.
func (c cell) losesUpload() bool {
	for _, f := range c.faults {
		if f.place.op == "CreateMultipartUpload" && f.fault.after != nil {
			return true
		}
	}
	return false
}
