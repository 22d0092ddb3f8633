package s3sink

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/millweir/millweir/stream"
)

// API is what [Upload] needs of a client; *s3.Client has it.
type API interface {
	PutObject(ctx context.Context, in *s3.PutObjectInput, opts ...func(*s3.Options)) (*s3.PutObjectOutput, error)
	CreateMultipartUpload(ctx context.Context, in *s3.CreateMultipartUploadInput, opts ...func(*s3.Options)) (*s3.CreateMultipartUploadOutput, error)
	UploadPart(ctx context.Context, in *s3.UploadPartInput, opts ...func(*s3.Options)) (*s3.UploadPartOutput, error)
	CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput, opts ...func(*s3.Options)) (*s3.CompleteMultipartUploadOutput, error)
	AbortMultipartUpload(ctx context.Context, in *s3.AbortMultipartUploadInput, opts ...func(*s3.Options)) (*s3.AbortMultipartUploadOutput, error)
	HeadObject(ctx context.Context, in *s3.HeadObjectInput, opts ...func(*s3.Options)) (*s3.HeadObjectOutput, error)
}

// Checksum says which checksum goes with an object.
type Checksum int

const (
	// ChecksumCRC64NVME has every part and the whole object checked by the service: computed here while a part fills, and sent
	// as a header, never as a trailer. S3 stores it with the object as a FULL_OBJECT checksum.
	ChecksumCRC64NVME Checksum = iota
	// ChecksumNone sends none, for services that refuse it. Nor is the object's size announced then.
	ChecksumNone
)

// UploadOptions tunes [Upload]. The zero value is ready to use.
type UploadOptions struct {
	PartSize    int64 // bytes in a part, 5 MiB to 5 GiB; 0 means 8 MiB
	FixedParts  bool  // parts never grow, as Cloudflare R2 demands; a stream of more than 10,000 × PartSize is then ErrTooLarge
	Parallelism int   // parts in flight, 1 to 10,000; 0 means 4

	ContentType        string            // "" means application/octet-stream
	ContentEncoding    string            // as sent; "" for none
	ContentDisposition string            // as sent; "" for none
	CacheControl       string            // as sent; "" for none
	Metadata           map[string]string // the user's own; [MetadataWriteToken] is added to it, and S3 allows 2 KB
	Tagging            string            // as a URL query: "team=db&keep=30d"
	StorageClass       string            // "STANDARD_IA", …; "" for the bucket's default
	ACL                string            // a canned ACL: "private", …; "" for none

	// ServerSideEncryption is "AES256", "aws:kms" or "aws:kms:dsse"; "" for the bucket's default. A service that does not answer that it
	// does that ends the run with [ErrNotEncrypted]; so that this comes before there is an object, short streams and empty ones
	// become multipart uploads too.
	ServerSideEncryption string
	SSEKMSKeyID          string // the key for aws:kms; "" for the service's own

	// IfAbsent stores the object only if the key has none, otherwise the run fails with [ErrExists]: before the stream is read if a
	// HEAD shows an object, and in the last request by If-None-Match.
	IfAbsent bool
	// Checksum is what the service checks; the zero value is CRC64NVME.
	Checksum Checksum

	// UnsignedPayload leaves the body out of the request's signature over plain http too, which halves the CPU time of an
	// upload. Over https it never is in the signature: TLS protects it.
	UnsignedPayload bool

	RequestTimeout time.Duration // for one try of one request; 0 means a minute and what a part takes at 16 KiB/s
	AbortTimeout   time.Duration // for cleaning up and for settling an outcome; 0 means 30 s

	// SlowDownTimeout is how long a request is made again, after the client's own retries, while the service answers that it is
	// too busy (503, 429, SlowDown). 0 means a minute; a negative time means never.
	SlowDownTimeout time.Duration

	// OnPart is called after the service has acknowledged a part, or the one PutObject of a short stream. nil means not.
	//
	// Calls of OnPart and OnRetry never overlap, and none comes after the run has returned. They may come from any goroutine, and
	// parts in any order of their numbers. A slow call holds up the upload; a panic ends it and surfaces in the run.
	OnPart func(Part)

	// OnRetry is called before the wait that precedes another attempt of a request: the client's own retries, those for
	// SlowDownTimeout, and those of cleaning up. err names the request; the end of the run may cut the wait short. nil means not.
	// The rules for calls are those of OnPart.
	OnRetry func(err error, wait time.Duration)
}

// Object is what [Upload] stored.
type Object struct {
	Bucket    string
	Key       string
	ETag      string // as the server gave it, in its quotes. Not an MD5: multipart and encrypted objects have other ETags
	VersionID string // of a versioned bucket; "" otherwise
	Location  string // the URL, if the server gave one, of at most 4 KiB that print
	Size      int64  // bytes
	Parts     int    // of the multipart upload; 0 for a stream that was stored by one PutObject
	Checksum  string // the object's CRC64NVME as S3 writes it, in base64; "" with ChecksumNone, and for an empty stream with ServerSideEncryption
}

// Upload returns a sink that stores its input as one S3 object: by one PutObject if it fits into one part and
// ServerSideEncryption is not set, otherwise by a multipart upload.
//
//   - In: byte chunks of any size. An empty stream is stored as an empty object.
//   - Result: the object's ETag, version, size in bytes and checksum. With an error it is the zero Object.
//   - Memory: at most (Parallelism+1) × PartSize bytes, and less for a stream shorter than a part. From part 5,001 on the part size
//     doubles every 500 parts (up to 5 GiB), so that 10,000 parts always suffice: with 8 MiB parts memory is the stated one up to
//     40 GiB and the limit is 6.3 TiB. FixedParts turns that off.
//   - Order and goroutines: parts are filled on the caller's goroutine and sent by Parallelism others, in any order; all have ended
//     when the run returns. Nothing but the HEAD of IfAbsent is sent before the first part is full or the stream has ended.
//   - Errors: the source's as it is, the SDK's wrapped and with a class (errors.As finds smithy.APIError and its code); [ErrExists]
//     and [ErrConflict] with IfAbsent, [ErrTooLarge], [ErrMismatch], [ErrNotEncrypted], [ErrNotStored], [ErrBrokenOff],
//     [ErrOutcomeUnknown]. On any error, panic or cancellation the upload is aborted first, unless its outcome is unknown; an
//     abort that failed is joined to the error, with the upload's id.
//   - Limits: 5 MiB to 5 GiB a part, 10,000 parts, keys of 1,024 bytes of UTF-8, 2 KB of metadata, of which the write token takes 46
//     bytes (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).
//
// The package comment says what counts as proof that the object is stored, what is tried again, and how a run is cleaned up.
func Upload(client API, bucket, key string, opts *UploadOptions) stream.Sink[[]byte, Object] {
	s, err := newSettings(client, bucket, key, opts)
	return stream.SinkFunc[[]byte, Object](func(ctx context.Context, src stream.Source[[]byte]) (Object, error) {
		if err != nil {
			return Object{}, err
		}
		return s.upload(ctx, src)
	})
}
