package s3sink

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/millweir/millweir/internal/ending"
	"github.com/millweir/millweir/stream"
)

// Checkpoint names an unfinished multipart upload, so that another run, also of another process,
// can continue it by UploadOptions.Resume. It may be stored as JSON. It is no secret.
type Checkpoint struct {
	Bucket     string `json:"bucket"`
	Key        string `json:"key"`
	UploadID   string `json:"upload_id"`
	WriteToken string `json:"write_token"` // by which the object is recognized
}

// PartsAPI is the part of *s3.Client that Upload uses with UploadOptions.Resume, as well as [API].
type PartsAPI interface {
	ListParts(context.Context, *s3.ListPartsInput, ...func(*s3.Options)) (*s3.ListPartsOutput, error)
}

// ErrUploadGone reports a Resume of an upload that the service no longer knows, although its object
// is not at the key. It was aborted, or another object has replaced its own. Nothing was stored.
// Upload the stream without Resume.
var ErrUploadGone = stream.Mark(errors.New("the upload to resume does not exist"), stream.Fatal)

// checkResume returns an error if Resume does not fit the other settings.
func (s *settings) checkResume() error {
	c := s.opts.Resume
	switch _, lists := s.client.(PartsAPI); {
	case c == nil:
		return nil
	case c.Bucket != s.bucket || c.Key != s.key:
		return invalid("Resume is for %s/%s, not for %s/%s", c.Bucket, c.Key, s.bucket, s.key)
	case !isName(&c.UploadID) || !isName(&c.WriteToken) || !isHeaderValue(c.WriteToken):
		return invalid("Resume has no usable UploadID or WriteToken")
	case !lists:
		return invalid("Resume needs a client with the method ListParts")
	}
	return nil
}

// resume makes the upload of the checkpoint the run's own. It lists the parts that the service has.
func (r *run) resume(ctx context.Context) error {
	m := r.upload
	stored, err := r.listParts(ctx)
	switch {
	case noSuchUpload(err):
		m.gone = true
		m.settled()
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return r.requestError(ctx, "list parts", err)
	}
	m.stored = stored
	for _, p := range stored {
		r.cutter.stored = append(r.cutter.stored, p.size)
	}
	return nil
}

// listParts returns the parts that the service has, from the first one to the first that is missing
// or cannot be in memory.
func (r *run) listParts(ctx context.Context) ([]sentPart, error) {
	in := &s3.ListPartsInput{Bucket: &r.bucket, Key: &r.key, UploadId: &r.opts.Resume.UploadID}
	var all []sentPart
	for {
		t := r.newAttempts("list parts", r.requestTimeout(0))
		t.keepChecksum = true // a list has none: no refusal is about it
		out, err := send(ctx, r.requests, t, func() (*s3.ListPartsOutput, error) {
			out, err := r.client.(PartsAPI).ListParts(ctx, in, t.options)
			if err == nil && out.IsTruncated == nil { // an empty reply or an HTML page would look like an empty list
				err = errNoPartList
			}
			return out, err
		})
		if err != nil {
			return nil, err
		}
		if err := r.adoptChecksum(out.ChecksumAlgorithm); err != nil {
			return nil, err
		}
		for _, p := range out.Parts {
			size := aws.ToInt64(p.Size)
			if int(aws.ToInt32(p.PartNumber)) != len(all)+1 || size < r.limits.minPart || size > r.sizes.most ||
				len(all) == r.sizes.parts || !isName(p.ETag) {
				return all, nil // send the others again
			}
			all = append(all, sentPart{
				n: len(all) + 1, size: size, etag: *p.ETag, stored: r.algorithm().in(sums{
					p.ChecksumCRC32, p.ChecksumCRC32C, p.ChecksumCRC64NVME, p.ChecksumSHA1, p.ChecksumSHA256,
				}),
			})
		}
		next := aws.ToString(out.NextPartNumberMarker)
		if !*out.IsTruncated || len(out.Parts) == 0 || next == aws.ToString(in.PartNumberMarker) {
			return all, nil
		}
		in.PartNumberMarker = &next
	}
}

var errNoPartList = stream.Mark(errors.New("the reply is not a list of parts"), stream.Fatal)

// adoptChecksum takes over the checksum that the upload was begun with. The name is "" if the
// service keeps none.
func (r *run) adoptChecksum(name types.ChecksumAlgorithm) error {
	if name == "" || name == r.algorithm().name {
		return nil
	}
	for c, a := range algorithms {
		if r.opts.Checksum == ChecksumAuto && c != ChecksumAuto && a.name == name {
			r.inUse.Store(int64(c))
			return nil
		}
	}
	return stream.Mark(fmt.Errorf("the upload was begun with the checksum %q, not with %q", name, r.algorithm().name),
		stream.Fatal)
}

// has returns the stored part that has the bytes of p. The service's checksum, or an ETag that is an
// MD5, proves it.
func (m *multipart) has(p part) (sentPart, bool) {
	mine := sentPart{n: p.n, size: int64(p.body.size), algorithm: m.algorithm()}
	switch {
	case m.gone: // the parts are needed only to compare the whole
		p.addChecksum(mine.algorithm)
		mine.sum, mine.etag = p.sum, etagOf(&p.body)
		return mine, true
	case p.n > len(m.stored), m.stored[p.n-1].size != mine.size, m.encryptionUnknown():
		return mine, false
	}
	p.addChecksum(mine.algorithm)
	mine.sum = p.sum
	stored := m.stored[p.n-1]
	mine.etag = stored.etag
	switch {
	case stored.stored != "":
		mine.echoed = stored.stored == encode(mine.sum)
	case looksLikeMD5(stored.etag):
		mine.isMD5 = sameETag(stored.etag, etagOf(&p.body))
	}
	return mine, mine.echoed || mine.isMD5
}

// encryptionUnknown reports whether a part must be sent so that the service confirms the encryption.
func (m *multipart) encryptionUnknown() bool {
	return m.encrypts() && !m.encryptionConfirmed.Load()
}

// errNotCompared is the reason of an unknown outcome: the write token is that of both runs.
var errNotCompared = stream.Mark(errors.New("the key has the object of the first run, or of this one: "+
	"it has no checksum that can be compared with the stream"), stream.UnknownOutcome)

// finishGone returns the object of an upload that the service no longer knows: it was completed by
// the run that is resumed, if the object at the key is that run's, with the bytes of this one.
func (r *run) finishGone(ctx context.Context) (Object, error) {
	judge := r.judge()
	sctx, cancel := r.settleContext(ctx)
	defer cancel()
	v := judge.inspect(ctx, sctx, "")
	switch {
	case v.keyState == keyOurs && v.proven:
		return v.object, nil
	case v.keyState == keyDamaged:
		return Object{}, r.failed("resume", fmt.Errorf("the stream is not that of the first run: %w", v.mismatch))
	case v.withoutOurs():
		return Object{}, r.failed("resume", ErrUploadGone)
	case ctx.Err() != nil:
		return Object{}, context.Cause(ctx)
	case v.keyState == keyOurs:
		v.err = errNotCompared
	}
	return Object{}, ending.Join(r.failed("resume", fmt.Errorf("%w: the service does not know the upload any more",
		ErrOutcomeUnknown)), v.err)
}
