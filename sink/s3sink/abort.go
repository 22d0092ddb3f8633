package s3sink

import (
	"cmp"
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/internal/ending"
	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/internal/s3key"
	"github.com/millweir/millweir/internal/s3retry"
	"github.com/millweir/millweir/stream"
)

// abort ends the upload that is under way, if there is one. No part may be in flight.
func (m *multipart) abort(ctx context.Context) error {
	if m == nil || m.id == "" {
		return nil
	}
	ctx, cancel := m.cleanupContext(ctx)
	defer cancel()
	what := m.abortName()
	err := m.abortOnce(ctx)
	// The server may become available again. An unfinished upload costs money every day.
	policy := s3retry.Policy{Timeout: m.opts.AbortTimeout}
	for loop := policy.Loop(); mayRecover(err) && ctx.Err() == nil; {
		wait, again := loop.Again()
		if !again {
			break
		}
		m.callbacks.retry(m.failed(what, err), wait)
		if !s3retry.Sleep(ctx, wait) {
			break
		}
		err = m.abortOnce(ctx)
	}
	// A part in flight may arrive after the abort and restore the upload. If the service no longer
	// knows the upload, no part has
	// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html).
	if err == nil && m.parts.maybeInFlight {
		for range s3retry.Pauses(ctx, 100*time.Millisecond, 200*time.Millisecond) {
			if err = m.abortOnce(ctx); err != nil {
				break
			}
		}
	}
	if err != nil && !noSuchUpload(err) {
		return m.pending(m.failed(what, err))
	}
	m.id = ""
	return nil
}

// mayRecover reports whether an abort that ended with err may succeed later.
func mayRecover(err error) bool { return err != nil && (s3fault.Transient(err) || !refused(err)) }

// abortAttempts is how many attempts of an abort may hang within AbortTimeout.
const abortAttempts = 4

func (m *multipart) abortName() string { return "abort upload " + m.id }

func (m *multipart) abortOnce(ctx context.Context) error {
	t := m.newAttempts(m.abortName(), m.requestTimeout(0))
	t.customerKey = s3key.Key{} // an abort does not need it
	// An attempt that hangs leaves time for others.
	share := m.opts.AbortTimeout / abortAttempts
	t.timeout, t.stall = min(t.timeout, share), min(t.stall, share)
	in := &s3.AbortMultipartUploadInput{Bucket: &m.bucket, Key: &m.key, UploadId: &m.id}
	_, err := m.client.AbortMultipartUpload(ctx, in, t.options, wantEmptyReply)
	return s3fault.Mark(err)
}

// abortAsProbe aborts the upload to find out its state. It reports whether the abort ended the
// upload. If not, the upload had been completed or aborted before. With an error, the state is
// unknown.
func (m *multipart) abortAsProbe(ctx context.Context) (ended bool, err error) {
	err = m.abortOnce(ctx)
	switch {
	case noSuchUpload(err):
		return false, nil
	case err != nil:
		return false, m.failed(m.abortName(), err)
	}
	switch err = m.abortOnce(ctx); {
	case err == nil: // the service accepts every abort
		return false, nil
	case noSuchUpload(err):
		return true, nil
	}
	return false, m.failed(m.abortName(), err)
}

// withAbort aborts the upload and returns err, joined with the error of the abort. It keeps the
// class of err, or makes it Fatal if it has none: cleaning up does not change what may be retried.
func (m *multipart) withAbort(ctx context.Context, err error) error {
	if m != nil && m.opts.KeepUpload {
		return m.pending(err)
	}
	failed := m.abort(ctx)
	if failed == nil {
		return err
	}
	return stream.Mark(ending.Join(err, failed), cmp.Or(stream.ClassOf(err), stream.Fatal))
}

// settled records that there is nothing to abort.
func (m *multipart) settled() {
	if m != nil {
		m.id = ""
	}
}

// unfinished reports whether there is an upload to abort.
func (m *multipart) unfinished() bool { return m != nil && m.id != "" }

// named adds the id of an upload that may be left behind to the name of a request.
func (m *multipart) named(what string) string {
	if m.unfinished() {
		return what + " " + m.id
	}
	return what
}
