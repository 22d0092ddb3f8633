// Package s3sink stores byte streams as objects in Amazon S3 and in what speaks its protocol.
//
//	object, err := stream.Run(ctx, body, s3sink.Upload(client, "backups", "cookies.jsonl.gz.age", nil))
//
// An object is visible only once its stream has ended well: a run that fails or is cancelled leaves nothing at the key and,
// as far as the server can be reached, no unfinished upload. A reply that does not tell whether the object was stored is
// settled by looking at what is stored, or reported as [ErrOutcomeUnknown]; it is never taken for success.
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
	Metadata           map[string]string // the user's own; S3 allows 2 KB
	Tagging            string            // as a URL query: "team=db&keep=30d"
	StorageClass       string            // "STANDARD_IA", …; "" for the bucket's default
	ACL                string            // a canned ACL: "private", …; "" for none

	// ServerSideEncryption is "AES256", "aws:kms" or "aws:kms:dsse"; "" for the bucket's default. A service that does not answer that it
	// does that ends the run with [ErrNotEncrypted]; so that this comes before there is an object, short streams and empty ones
	// become multipart uploads too.
	ServerSideEncryption string
	SSEKMSKeyID          string // the key for aws:kms; "" for the service's own

	IfAbsent bool     // store only where the key has no object yet, else ErrExists
	Checksum Checksum // what the service is to check; the zero value is CRC64NVME

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
	VersionID string // of a versioned bucket; "" else
	Location  string // the URL, where the server told it
	Size      int64  // bytes
	Parts     int    // of the multipart upload; 0 for a stream that was stored by one PutObject
	Checksum  string // the object's CRC64NVME as S3 writes it, in base64; "" with ChecksumNone, and for an empty stream with ServerSideEncryption
}

// Upload returns a sink that stores its input as one S3 object: by one PutObject when it fits into one part (and
// ServerSideEncryption is not set), else by a multipart upload.
//
//   - In: byte chunks of any size. An empty stream is stored as an empty object.
//   - Result: the object's ETag, version, size in bytes and checksum. Beside an error it is the zero Object.
//   - Memory: at most (Parallelism+1) × PartSize bytes, and less for a stream shorter than a part. From part 5,001 on the part size
//     doubles every 500 parts (up to 5 GiB), so that 10,000 parts always suffice: with 8 MiB parts memory is the stated one up to
//     40 GiB and the limit is 6.3 TiB. FixedParts turns that off.
//   - Order and goroutines: parts are filled on the caller's goroutine and sent by Parallelism others, in any order; all have ended
//     when the run returns. Nothing is sent before the first part is full or the stream has ended.
//   - Retries: the client's own, whatever they are set to; beside them, of a body that was damaged on its way, of a request whose
//     credentials had expired (the client's provider is asked for new ones), and while the service asks to slow down, for SlowDownTimeout.
//   - Errors: the source's as it is, the SDK's wrapped (errors.As finds smithy.APIError and its code: NoSuchBucket, AccessDenied, …);
//     [ErrExists] and [ErrConflict] with IfAbsent, [ErrTooLarge], [ErrMismatch], [ErrNotEncrypted], [ErrOutcomeUnknown].
//   - Failure: on any error, panic or cancellation the upload is aborted once no part is in flight any more, on a context of its own.
//     A part whose reply did not come may arrive behind the abort, so such an upload is aborted again 0.1 s later, and once more where that was needed.
//     A server that answers makes that a matter of milliseconds; one that does not is asked again for AbortTimeout at most. An abort that
//     failed is joined to the error, with the upload's id. Where the outcome of the last step is unknown, the upload is not
//     aborted. What is left then, or where the reply to the very first request of an upload was lost, is found by [AbortPending].
//   - Proof: a last request whose reply was lost or says nothing is followed by a HEAD. The object at the key is taken for this
//     one when its size and its checksum (or the ETag that the parts make) are; so the same bytes under the same key, stored by
//     another, pass for ours. Without permission to read, such an outcome is unknown. A reply that tells of success without a checksum is
//     followed by a HEAD too: it may disprove it ([ErrMismatch] by the version or the ETag of that very object, else [ErrOutcomeUnknown]).
//     Where a try got no reply the service may still be at it, whatever it says to the tries after it: no object at the key is no proof
//     that none will come, and the outcome is unknown, unless the upload could be aborted. A client of your own is to pass on the options that
//     it is given: the tries are watched by them.
//   - Cancellation while the last request is under way: it has half a second to be answered. The run succeeds where the object
//     proves to be stored, else its error is the cause, or wraps it beside [ErrOutcomeUnknown].
//   - Limits: 5 MiB to 5 GiB a part, 10,000 parts, keys of 1,024 bytes of UTF-8 (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).
func Upload(client API, bucket, key string, opts *UploadOptions) stream.Sink[[]byte, Object] {
	s, err := newSettings(client, bucket, key, opts)
	return stream.SinkFunc[[]byte, Object](func(ctx context.Context, src stream.Source[[]byte]) (Object, error) {
		if err != nil {
			return Object{}, err
		}
		return s.upload(ctx, src)
	})
}
