package s3sink

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/millweir/millweir/stream"
)

// API is the part of *s3.Client that [Upload] uses.
type API interface {
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
	CreateMultipartUpload(context.Context, *s3.CreateMultipartUploadInput, ...func(*s3.Options)) (
		*s3.CreateMultipartUploadOutput, error)
	UploadPart(context.Context, *s3.UploadPartInput, ...func(*s3.Options)) (*s3.UploadPartOutput, error)
	CompleteMultipartUpload(context.Context, *s3.CompleteMultipartUploadInput, ...func(*s3.Options)) (
		*s3.CompleteMultipartUploadOutput, error)
	AbortMultipartUpload(context.Context, *s3.AbortMultipartUploadInput, ...func(*s3.Options)) (
		*s3.AbortMultipartUploadOutput, error)
	HeadObject(context.Context, *s3.HeadObjectInput, ...func(*s3.Options)) (*s3.HeadObjectOutput, error)
}

// UploadOptions tunes [Upload]. The zero value is ready to use.
type UploadOptions struct {
	PartSize int64 // bytes in the first parts, 5 MiB to 5 GiB; 0 means 8 MiB; later parts grow
	// all parts have one size, as Cloudflare R2 demands; a stream that needs more parts is
	// ErrTooLarge
	FixedParts  bool
	Parallelism int // parts in flight, 1 to 10,000; 0 means 4

	MaxParts int   // parts of an object; 0 means 10,000, as in S3; Scaleway allows 1,000
	MaxSize  int64 // bytes; a larger stream is ErrTooLarge, and all smaller ones fit; 0 means what the parts hold
	// about how many bytes the stream has; all parts then have one size, which takes the least
	// memory; 0 means unknown
	ExpectedSize int64
	MaxMemory    int64 // bytes of all parts in memory; parts stop growing there; 0 means no limit

	ContentType        string            // "" means application/octet-stream
	ContentEncoding    string            // as sent; "" for none
	ContentDisposition string            // as sent; "" for none
	CacheControl       string            // as sent; "" for none
	Metadata           map[string]string // user metadata; [MetadataWriteToken] is added; S3 allows 2 KB in all
	Tagging            string            // as a URL query: "team=db&keep=30d"
	StorageClass       string            // "STANDARD_IA", …; "" for the bucket's default
	ACL                string            // a canned ACL: "private", …; "" for none

	// ServerSideEncryption is "AES256", "aws:kms" or "aws:kms:dsse"; "" for the bucket's default.
	// If the service does not confirm the encryption, the run fails with [ErrNotEncrypted] before
	// there is an object. For this, short and empty streams become multipart uploads as well.
	ServerSideEncryption string
	SSEKMSKeyID          string // the key for aws:kms; "" for the service's own

	// CustomerKey encrypts the object by SSE-C, in place of ServerSideEncryption: 32 bytes, which
	// the service does not keep, and without which the object cannot be read. nil means none. They
	// are sent with each request, so the endpoint must be https. If the service does not confirm
	// them, the run fails with [ErrNotEncrypted] as above.
	CustomerKey CustomerKey

	// LockMode and LockUntil protect the object from deletion until then, and LegalHold until the
	// hold is removed. The bucket must have Object Lock. A HEAD of the stored object must show the
	// lock; otherwise the error is [ErrNotLocked].
	LockMode  LockMode
	LockUntil time.Time
	LegalHold bool

	// IfAbsent stores the object only if the key has none. Otherwise the run fails with
	// [ErrExists]: before it reads the stream if a HEAD shows an object, or in the last request by
	// If-None-Match.
	IfAbsent bool
	// Checksum is the checksum that the service compares; the zero value is ChecksumAuto.
	Checksum Checksum

	// SignPayload makes the request's signature cover the SHA-256 of the body over plain http,
	// which takes most of the CPU time of an upload. Without it, the signature covers the
	// checksum's header. That finds damage. ChecksumSHA256 or https also protect against someone
	// who changes the data. Over https the signature never covers the body.
	SignPayload bool

	// Resume continues the multipart upload of an earlier run that was killed or has set
	// KeepUpload. The stream must begin at its first byte again. A part that the service has is
	// compared with the stream by its checksum, and sent only if it differs. If the first run has
	// completed the upload, its object is the result. The client must be a [PartsAPI] too.
	Resume *Checkpoint
	// KeepUpload leaves the upload of a failed run unfinished for Resume. The error is a
	// [*PendingError].
	KeepUpload bool

	// StallTimeout limits how long an attempt of a request may stand still: no byte of its body is
	// accepted, and none of its reply is received. 0 means a minute. An attempt may take this time
	// and the time for its body at 16 KiB a second. A CompleteMultipartUpload may take ten times as
	// long.
	StallTimeout time.Duration
	AbortTimeout time.Duration // of cleaning up after a failed run; 0 means 30 s

	// RetryTimeout limits how long a request is repeated after transient failures, from the first
	// one on: the service is busy or fails, the connection breaks, a body arrives damaged, or
	// no credentials are available. The client's own retries come first. 0 means 5 minutes; a
	// negative time means never.
	RetryTimeout time.Duration

	// OnPart is called after the service has acknowledged a part, or the one PutObject of a short
	// stream. nil means no call.
	//
	// Calls of OnPart and OnRetry never overlap, and none comes after the run has returned. They
	// may come from any goroutine, and the parts in any order. A slow call delays the upload. A
	// panic ends it and is re-raised by the run.
	OnPart func(Part)

	// OnRetry is called before each wait for another attempt of a request: in the client's own
	// retries, during RetryTimeout, and while cleaning up. err names the request. The end of the
	// run may cut the wait short. nil means no call. Calls follow the rules of OnPart.
	OnRetry func(err error, wait time.Duration)
}

// Object describes the object that [Upload] stored.
type Object struct {
	Bucket    string
	Key       string
	ETag      string // as the server sent it, with quotes; not an MD5 for multipart and encrypted objects
	VersionID string // in a versioned bucket; otherwise ""
	Location  string // the URL if the server sent a printable one of at most 4 KiB
	Size      int64  // bytes
	Parts     int    // of the multipart upload; 0 for a stream that was stored by one PutObject

	// Checksum is the object's checksum in base64, as S3 writes it: with "-N" if it is the checksum
	// of N parts' checksums. It is "" with ChecksumMD5 and ChecksumNone, and for an empty stream
	// with ServerSideEncryption.
	Checksum string
	// Verified names the checksum by which the service is known to have the sent bytes:
	// "CRC64NVME", "CRC32", "CRC32C", "SHA1", "SHA256", or "MD5" for Content-MD5 and ETags. ""
	// means that only the size was compared.
	Verified string
}

// Upload returns a sink that stores its input as one S3 object. It sends one PutObject if the
// stream fits into one part and no encryption is set, otherwise a multipart upload.
//
//   - In: byte chunks of any size. An empty stream becomes an empty object.
//   - Result: the object's ETag, version, size in bytes and checksum.
//   - Memory: kilobytes for a short stream, at most Parallelism+1 parts for a long one. Parts grow
//     in proportion to their number: to 51 MiB at 50 GiB, and to 233 MiB at 1 TiB. ExpectedSize,
//     MaxSize and MaxMemory change that; docs/s3.md has the table. A budget of the context
//     ([stream.WithBudget]) must be at least one part, or Parallelism parts if that option is set.
//     While it has no room for larger parts, the upload sends smaller ones.
//   - Order and goroutines: the caller's goroutine fills parts, also while another begins the
//     upload. Parallelism others send the parts in any order. All have ended when the run returns.
//   - Errors: the source's, unchanged; the SDK's, wrapped and classified; [ErrExists] and
//     [ErrConflict] with IfAbsent; [ErrTooLarge], [ErrMismatch], [ErrNotEncrypted], [ErrNotLocked],
//     [ErrNoObjectLock], [ErrUploadGone], [ErrNotStored], [ErrBrokenOff], [ErrOutcomeUnknown]. On
//     an error, a panic or a cancellation the upload is first aborted, unless KeepUpload is set or
//     its outcome is unknown. A failed abort is joined to the error, with the upload's id.
//   - Limits: parts of 5 MiB to 5 GiB, 10,000 parts (4.5 TiB by default), keys of 1,024 bytes
//     of UTF-8, 2 KB of metadata including the 46 bytes of the write token
//     (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).
//
// The package comment describes what proves that the object is stored, which requests are repeated,
// and how a run cleans up.
func Upload(client API, bucket, key string, opts *UploadOptions) stream.Sink[[]byte, Object] {
	s, err := newSettings(client, bucket, key, opts)
	return stream.SinkFunc[[]byte, Object](func(ctx context.Context, src stream.Source[[]byte]) (Object, error) {
		if err != nil {
			return Object{}, err
		}
		return s.upload(ctx, src)
	})
}
