package s3sink

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/millweir/millweir/internal/printable"
	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/internal/s3wire"
)

// multipart is an unfinished multipart upload. Its methods accept nil: there is nothing to abort.
type multipart struct {
	*requests
	id                  string    // "" once there is nothing to abort
	startedAt           time.Time // by the service's clock; zero if it did not say
	encryptionConfirmed bool      // the service has confirmed the requested encryption
	parts               partList
}

// create begins a multipart upload.
func (q *requests) create(ctx context.Context, token string) (*multipart, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	in := q.objectHeaders(token)
	if q.hasChecksum() {
		in.ChecksumAlgorithm = types.ChecksumAlgorithmCrc64nvme
		in.ChecksumType = types.ChecksumTypeFullObject
	}
	t := q.newAttempts("create multipart upload", q.requestTimeout(0))
	longer, cancel := withGrace(ctx, replyGrace)
	defer cancel()
	out, err := send(ctx, q, t, func() (*s3.CreateMultipartUploadOutput, error) {
		out, err := q.client.CreateMultipartUpload(longer, &in, t.options)
		if err == nil && !isName(out.UploadId) {
			err = errNoUploadID
		}
		return out, err
	})
	if err != nil {
		return nil, q.requestError(ctx, t.what, err)
	}
	m := &multipart{requests: q, id: *out.UploadId}
	m.startedAt, _ = awsmiddleware.GetServerTime(out.ResultMetadata)
	m.encryptionConfirmed = q.encrypted(out.ServerSideEncryption) == nil
	return m, nil
}

// encrypted returns an error unless the service confirms the requested encryption. Most services
// confirm it when an upload begins and with every part, MinIO only with the parts.
func (s *settings) encrypted(answer types.ServerSideEncryption) error {
	if asked := types.ServerSideEncryption(s.opts.ServerSideEncryption); asked != "" && answer != asked {
		return fmt.Errorf("%w: the answer to %s is %s", ErrNotEncrypted, asked, printable.Quote(string(answer)))
	}
	return nil
}

// send sends a part.
func (m *multipart) send(ctx context.Context, p part) error {
	t := m.newAttempts(fmt.Sprintf("upload part %d", p.n), m.requestTimeout(p.body.size))
	t.unsigned, t.retryOn = m.opts.UnsignedPayload, s3fault.Damaged
	sum := m.sumHeader(p.crc)
	out, err := send(ctx, m.requests, t, func() (*s3.UploadPartOutput, error) {
		out, err := m.client.UploadPart(ctx, &s3.UploadPartInput{
			Bucket:            &m.bucket,
			Key:               &m.key,
			UploadId:          &m.id,
			PartNumber:        aws.Int32(int32(p.n)),
			Body:              p.body.reader(),
			ContentLength:     aws.Int64(int64(p.body.size)),
			ChecksumCRC64NVME: sum,
		}, t.options)
		if err == nil && !isName(out.ETag) {
			err = errNoETag
		}
		return out, err
	})
	if err == nil {
		err = m.checkPart(p, out)
	}
	if err != nil {
		if s3fault.Status(err) == 0 {
			m.parts.addUnanswered()
		}
		return m.requestError(ctx, t.what, err)
	}
	acked := types.CompletedPart{PartNumber: aws.Int32(int32(p.n)), ETag: out.ETag, ChecksumCRC64NVME: sum}
	m.parts.add(acked, out.ChecksumCRC64NVME)
	m.callbacks.part(Part{
		UploadID: m.id, Number: p.n, Size: int64(p.body.size), ETag: *out.ETag, Checksum: aws.ToString(sum),
	})
	return nil
}

// checkPart returns an error if the reply to a part is not the one to the part that was sent.
func (m *multipart) checkPart(p part, out *s3.UploadPartOutput) error {
	if !m.encryptionConfirmed {
		if err := m.encrypted(out.ServerSideEncryption); err != nil {
			return err
		}
	}
	if got := out.ChecksumCRC64NVME; m.hasChecksum() && got != nil && *got != s3wire.CRC64NVME(p.crc) {
		return fmt.Errorf("%w: its CRC64NVME is %s, not %s", ErrMismatch, printable.Text(*got), s3wire.CRC64NVME(p.crc))
	}
	return nil
}
