package s3sink

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/internal/printable"
	"github.com/millweir/millweir/internal/s3fault"
)

// multipart is an unfinished multipart upload. Its methods accept nil: there is nothing to abort.
type multipart struct {
	*requests
	id                  string      // "" once there is nothing to abort
	startedAt           time.Time   // by the service's clock; zero if it did not say
	encryptionConfirmed atomic.Bool // the service has confirmed the requested encryption
	parts               partList
	token               string     // the write token
	stored              []sentPart // of the upload that is resumed, from the first part on
	gone                bool       // the service does not know the upload that is resumed
}

// create begins a multipart upload. The request is repeated while repeat is not done. An attempt
// ends only when ctx has been done for a while.
func (q *requests) create(ctx, repeat context.Context, token string) (*multipart, error) {
	if repeat.Err() != nil {
		return nil, context.Cause(repeat)
	}
	in := q.objectHeaders(token)
	t := q.newAttempts("create multipart upload", q.requestTimeout(0))
	longer, cancel := withGrace(ctx, replyGrace)
	defer cancel()
	out, err := send(repeat, q, t, func() (*s3.CreateMultipartUploadOutput, error) {
		in.ChecksumAlgorithm, in.ChecksumType = q.algorithm().name, q.algorithm().kind()
		out, err := q.client.CreateMultipartUpload(longer, &in, t.options)
		if err == nil && !isName(out.UploadId) {
			err = errNoUploadID
		}
		return out, err
	})
	if err != nil {
		return nil, q.requestError(repeat, t.what, err)
	}
	m := &multipart{requests: q, id: *out.UploadId, token: token}
	m.startedAt, _ = awsmiddleware.GetServerTime(out.ResultMetadata)
	m.encryptionConfirmed.Store(q.encrypted(encryption{
		out.ServerSideEncryption, out.SSECustomerAlgorithm, out.SSECustomerKeyMD5,
	}) == nil)
	return m, nil
}

// send sends a part. If the reply has no checksum, and an ETag that looks like the MD5 of other
// bytes, it sends the part again with its MD5, which the service compares.
func (m *multipart) send(ctx context.Context, p part) error {
	what := fmt.Sprintf("upload part %d", p.n)
	if acked, ok := m.has(p); ok {
		m.parts.add(acked)
		m.callbacks.part(m.report(acked, true))
		return nil
	}
	acked, err := m.sendOnce(ctx, what, p, m.checksum() == ChecksumMD5)
	if err == nil && acked.doubtful() && !m.parts.isOpaque() {
		if acked, err = m.sendOnce(ctx, what, p, true); err == nil && acked.doubtful() {
			m.parts.setOpaque()
		}
	}
	if err != nil {
		return m.requestError(ctx, what, err)
	}
	m.parts.add(acked)
	m.callbacks.part(m.report(acked, false))
	return nil
}

// report returns what OnPart is told of a part.
func (m *multipart) report(p sentPart, resumed bool) Part {
	return Part{
		UploadID: m.id, Number: p.n, Size: p.size, ETag: p.etag, Checksum: encode(p.sum), Resumed: resumed,
		Checkpoint: Checkpoint{Bucket: m.bucket, Key: m.key, UploadID: m.id, WriteToken: m.token},
	}
}

// doubtful reports whether the part may be damaged, by its ETag.
func (p *sentPart) doubtful() bool { return !p.echoed && !p.isMD5 && looksLikeMD5(p.etag) }

// sendOnce sends a part by one request, with its attempts.
func (m *multipart) sendOnce(ctx context.Context, what string, p part, contentMD5 bool) (sentPart, error) {
	t := m.newAttempts(what, m.requestTimeout(p.body.size))
	t.unsigned, t.retryOn = m.unsigned(), s3fault.Damaged
	sent := sentPart{n: p.n, size: int64(p.body.size)}
	out, err := send(ctx, m.requests, t, func() (*s3.UploadPartOutput, error) {
		in := &s3.UploadPartInput{
			Bucket:        &m.bucket,
			Key:           &m.key,
			UploadId:      &m.id,
			PartNumber:    aws.Int32(int32(p.n)),
			Body:          t.body(&p.body),
			ContentLength: aws.Int64(sent.size),
		}
		p.addChecksum(m.algorithm())
		sent.algorithm, sent.sum = p.algorithm, p.sum
		setPart(in, sent.algorithm.sums(encode(sent.sum)))
		if contentMD5 || m.checksum() == ChecksumMD5 {
			in.ContentMD5 = aws.String(encode(md5Of(&p.body)))
		}
		out, err := m.client.UploadPart(ctx, in, t.options)
		if err == nil && !isName(out.ETag) {
			err = errNoETag
		}
		return out, err
	})
	if err != nil {
		if _, inFlight := t.outcome(err); inFlight || s3fault.Status(err) == 0 {
			m.parts.addUnanswered()
		}
		return sent, err
	}
	return sent, m.checkPart(p, &sent, out)
}

// checkPart completes sent from the reply to a part. It returns an error if the reply is not the
// one to the part that was sent.
func (m *multipart) checkPart(p part, sent *sentPart, out *s3.UploadPartOutput) error {
	if !m.encryptionConfirmed.Load() {
		if err := m.encrypted(encryption{
			out.ServerSideEncryption, out.SSECustomerAlgorithm, out.SSECustomerKeyMD5,
		}); err != nil {
			return err
		}
		if m.opts.Resume != nil { // the service says it with every part
			m.encryptionConfirmed.Store(true)
		}
	}
	sent.etag = *out.ETag
	got, want := sent.algorithm.in(sumsOfPart(out)), encode(sent.sum)
	switch {
	case got != "" && got != want:
		return fmt.Errorf("%w: its %s is %s, not %s", ErrMismatch, sent.algorithm.name, printable.Text(got), want)
	case got != "":
		sent.echoed = true
	case looksLikeMD5(sent.etag) && !m.parts.isOpaque():
		sent.isMD5 = sameETag(sent.etag, etagOf(&p.body))
	}
	return nil
}
