// Package s3source reads objects of Amazon S3 and compatible services as byte streams.
//
//	body := s3source.Download(client, "backups", "cookies.jsonl.gz.age", nil)
//
// # Proof
//
// A stream that ends without an error is the whole object, or the whole requested range, of one
// version of the object. The emitted bytes are counted against the object's length, and those of a
// whole object are compared with the best checksum that the service has:
//
//   - a checksum of the whole object: CRC64NVME, CRC32C, CRC32, SHA256, SHA1, SHA512 or MD5;
//   - the ETag, if it is the MD5 of the object: one part, and no encryption with a key of KMS or of
//     the customer;
//   - a checksum of the checksums of the parts, whose size two HEADs find;
//   - the MD5 that rclone writes into the metadata.
//
// [DownloadOptions].OnObject says before the first byte what is compared, or why nothing is. A
// range is only counted, because checksums are of the whole object. If only the length is compared,
// a HEAD confirms it, because a proxy may shorten both a body and its Content-Length.
//
// A first reply without an ETag may come from a proxy. Unless it is for a range, its bytes are not
// used: a HEAD describes the object, which is then requested again. If a reply without an ETag breaks
// off, no other reply continues it.
//
// # Retries
//
// If a reply ends early, with or without an error, the next request has a Range and, in If-Match,
// the ETag of the first reply. The ETags of the replies are compared as well: a server that ignores
// If-Match is detected before a byte is emitted. A reply that stalls for StallTimeout, or falls
// below MinRate, is given up, and the rest is requested. Every other transient failure has the same
// effect: a service that is busy or fails, a connection that cannot be made or breaks off, expired
// credentials. The run fails when RetryTimeout has passed since the first failure without progress,
// and at the sixth reply in a row that does not answer the request. Each request also has the
// client's own retries.
//
// # Untrusted servers
//
// A reply that is not the object may have 1 MiB, and a header what the HTTP client allows (10 MiB
// in net/http). No redirect is followed, because a request carries the session token, which is
// valid at any host. An HTTP client of another type than net/http's and the SDK's must not follow
// redirects: if it does, that is an error. Errors escape the text of a server and cut it at 1 KiB,
// and show only the host of a URL. errors.As finds the SDK's errors. The request that they refer to
// has only its method and host, without signature and token.
package s3source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/millweir/millweir/internal/lend"
	"github.com/millweir/millweir/internal/s3key"
	"github.com/millweir/millweir/internal/s3retry"
	"github.com/millweir/millweir/stream"
)

// API is the part of *s3.Client that [Download] and [Head] use.
type API interface {
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	HeadObject(context.Context, *s3.HeadObjectInput, ...func(*s3.Options)) (*s3.HeadObjectOutput, error)
}

// DownloadOptions tunes [Download]. The zero value is ready to use.
type DownloadOptions struct {
	VersionID string // of a versioned object; "" means the current one
	IfMatch   string // the ETag that the object must have, with quotes, as an upload returned it; "" means any
	Offset    int64  // the first byte to read, from 0; an offset at the object's end reads nothing
	Length    int64  // the number of bytes to read, which must all exist; 0 means to the object's end

	// CustomerKey is the key of an object that was stored with one (SSE-C): 32 bytes. nil means
	// none. It is sent with each request, so the endpoint must be https.
	CustomerKey CustomerKey

	// Parallelism is the number of requests at a time, each for PartSize bytes. The bytes stay in
	// order. 0 and 1 mean one request for all. A HEAD comes first.
	Parallelism int
	PartSize    int64 // bytes in one of several requests, at least 1; 0 means 8 MiB

	// OnObject is called once, before the first byte, with the object and what the download
	// compares its bytes with, on the goroutine that runs the source. An error ends the run
	// unchanged. nil means no call.
	OnObject func(Object) error
	Verify   Verify // how much is verified; VerifyIfPossible by default

	ChunkSize    int           // bytes in a chunk, fewer at the end of a reply; 0 means 128 KiB
	StallTimeout time.Duration // limit for the wait for the next byte of a reply; 0 means a minute

	// RetryTimeout is how long a request, for the object or the rest of it, is repeated after
	// transient failures, after the client's own retries, from its first failure on. Progress
	// restarts this time. 0 means 5 minutes; a negative time means never.
	RetryTimeout time.Duration

	// MinRate is the least rate in bytes per second, on average over StallTimeout of waiting for
	// the server. A slower reply is given up, and the rest is requested. The time that the consumer
	// takes does not count. 0 means 1024; a negative number means no minimum.
	MinRate int64

	// OnRetry is called before each wait for another request for the rest, and before each wait in
	// the client's own retries, never concurrently. The end of the run may cut the wait short. nil
	// means no call.
	OnRetry func(err error, wait time.Duration)
}

const (
	maxKey       = 1024 // bytes, https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
	defaultChunk = 128 << 10
	defaultPart  = 8 << 20
	defaultStall = time.Minute
	defaultRate  = 1 << 10 // bytes a second
)

var (
	// ErrNotFound reports an object, a version or a bucket that does not exist, or no longer
	// exists.
	ErrNotFound = stream.Mark(errors.New("there is no such object"), stream.Fatal)

	// ErrObjectChanged reports an object that was replaced before or during the read: its ETag is
	// not the expected one, or, if a reply has no ETag, its version or time of change is not.
	ErrObjectChanged = stream.Mark(errors.New("the object was replaced"), stream.Fatal)

	// ErrArchived reports an object in an archive: it must be restored before it can be read.
	ErrArchived = stream.Mark(errors.New("the object is archived"), stream.Fatal)

	// ErrCustomerKey reports an object that is stored with another CustomerKey (SSE-C), with one
	// although none was given, or with none although one was given. The text says which, and what
	// to do. If a service rejects a key in the same way as a client without the right to read, the
	// text names both.
	ErrCustomerKey = stream.Mark(errors.New("the object has another CustomerKey"), stream.Fatal)

	// ErrNotVerifiable reports, with VerifyRequired, an object without a checksum that the download
	// can compare.
	ErrNotVerifiable = stream.Mark(errors.New("the bytes could not be verified"), stream.Fatal)

	// ErrChecksum reports an object whose bytes do not match its stored checksum. The bytes have
	// already been emitted.
	ErrChecksum = stream.Mark(errors.New("the bytes do not have the object's checksum"), stream.Fatal)

	// ErrBadReply reports replies that repeatedly do not answer the request: another range, the
	// whole object instead of a range, a body longer than the object, or no ETag.
	ErrBadReply = stream.Mark(errors.New("the reply does not answer the request"), stream.Fatal)
)

// Download returns a source that emits the stored bytes of one S3 object. It does not decompress
// them.
//
//   - Out: chunks of ChunkSize bytes, shorter ones at the end of a reply; none for an empty object.
//   - Ownership: the receiver owns a chunk. With [stream.EachLent] all of them have the same
//     memory.
//   - Memory: one chunk; with Parallelism n at most n × PartSize, and one more chunk for each part.
//     It comes from the budget of the context ([stream.WithBudget]), which must be at least one
//     chunk, or with Parallelism n parts. While other runs use the budget, fewer parts are in
//     flight.
//   - Order and goroutines: one request at a time, and no goroutine; with Parallelism n, n requests
//     on a goroutine each, in order. If a server closes a connection that waits for a slow
//     consumer, the rest is requested again.
//   - Retries: a reply that breaks off, stalls or is slower than MinRate, and every other transient
//     failure, lead to a request for the rest, for RetryTimeout without progress. If all replies
//     stay too slow, the error wraps os.ErrDeadlineExceeded and is Retryable.
//   - Errors: [ErrNotFound], [ErrArchived], [ErrCustomerKey], [ErrObjectChanged], [ErrChecksum],
//     [ErrNotVerifiable], [ErrBadReply]; io.ErrUnexpectedEOF for an object that ends before Offset or before the
//     requested bytes, or that cannot be read to its end; otherwise the SDK's, wrapped. After a
//     Retryable or Throttled error, a source with the next Offset and the same IfMatch reads the
//     rest (see [stream.Restart]).
//   - Drain: [stream.Running.Drain] does not end it, because an object cut short would look whole.
//
// The package comment describes what proves that an object is whole.
func Download(client API, bucket, key string, opts *DownloadOptions) stream.Source[[]byte] {
	d, err := newDownload(client, bucket, key, opts)
	if err != nil {
		return stream.Fail[[]byte](err)
	}
	return lend.Source(func(ctx context.Context, emit func([]byte) error, lent bool) error {
		account := d.openAccount(ctx)
		defer account.Close()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if d.opts.Parallelism > 1 {
			return d.parallel(ctx, account, emit, lent)
		}
		return d.sequential(ctx, account, emit, lent)
	})
}

// openAccount returns the account of a run. Its minimum is a chunk, or a part if there are several
// requests at a time.
func (d *download) openAccount(ctx context.Context) *stream.Account {
	need := stream.Need{Stage: "s3source.Download", Min: int64(d.opts.ChunkSize)}
	if d.opts.Parallelism > 1 {
		need.Min, need.Requested = d.opts.PartSize, int64(d.opts.Parallelism)*d.opts.PartSize
	}
	return stream.OpenAccount(ctx, need)
}

// sequential reads the object by one request after another.
func (d *download) sequential(ctx context.Context, account *stream.Account, emit func([]byte) error, lent bool) error {
	if err := account.Acquire(ctx, int64(d.opts.ChunkSize)); err != nil {
		return err
	}
	return d.oneByOne(ctx, emit, lent)
}

// oneByOne reads the object by one request after another.
func (d *download) oneByOne(ctx context.Context, emit func([]byte) error, lent bool) error {
	r := d.newRun()
	r.newChunk = chunks(lent)
	return r.each(ctx, emit)
}

// newRun returns a run of the whole download.
func (d *download) newRun() *run {
	r := &run{
		download: d, pos: d.opts.Offset, end: -1, total: -1, etag: d.opts.IfMatch,
		pace: newPace(d.opts.MinRate, d.opts.StallTimeout), policy: &s3retry.Policy{Timeout: d.opts.RetryTimeout},
		received: new(atomic.Int64),
	}
	r.loop = r.policy.Loop()
	if d.opts.Length > 0 {
		r.end = d.opts.Offset + d.opts.Length
	}
	return r
}

// chunks returns a function that returns memory for a chunk of n bytes: always the same if it is
// lent.
func chunks(lent bool) func(n int64) []byte {
	if !lent {
		return func(n int64) []byte { return make([]byte, n) }
	}
	var buf []byte
	return func(n int64) []byte {
		if int64(len(buf)) < n {
			buf = make([]byte, n)
		}
		return buf[:n]
	}
}

// download is a checked request for an object or a range of it.
type download struct {
	client      API
	bucket, key string
	opts        DownloadOptions
	customerKey s3key.Key // in place of opts.CustomerKey
}

// newDownload returns a checked download with the defaults of opts.
func newDownload(client API, bucket, key string, opts *DownloadOptions) (*download, error) {
	d := &download{client: client, bucket: bucket, key: key}
	if opts != nil {
		d.opts = *opts
	}
	if d.opts.ChunkSize == 0 {
		d.opts.ChunkSize = defaultChunk
	}
	if d.opts.RetryTimeout == 0 {
		d.opts.RetryTimeout = s3retry.DefaultTimeout
	}
	if d.opts.StallTimeout == 0 {
		d.opts.StallTimeout = defaultStall
	}
	if d.opts.MinRate == 0 {
		d.opts.MinRate = defaultRate
	}
	if d.opts.PartSize == 0 {
		d.opts.PartSize = defaultPart
	}
	return d, cmp.Or(d.check(), d.takeCustomerKey())
}

func (d *download) check() error {
	o := d.opts
	switch {
	case d.client == nil:
		return invalid("the client is nil")
	case d.bucket == "":
		return invalid("the bucket's name is empty")
	case d.key == "":
		return invalid("the object's key is empty")
	case len(d.key) > maxKey || !utf8.ValidString(d.key):
		return invalid("no object has a key of %d bytes that is not UTF-8 of at most %d", len(d.key), maxKey)
	case !isETag(o.IfMatch):
		return invalid("IfMatch is %q, want the ETag of one object", o.IfMatch)
	case o.Offset < 0 || o.Length < 0 || o.Length > math.MaxInt64-o.Offset:
		return invalid("there is no range of %d bytes from byte %d", o.Length, o.Offset)
	case o.ChunkSize < 0:
		return invalid("ChunkSize is %d, want at least 1", o.ChunkSize)
	case o.StallTimeout < 0:
		return invalid("StallTimeout is negative")
	case o.Parallelism < 0:
		return invalid("Parallelism is %d, want at least 1", o.Parallelism)
	case o.PartSize < 0:
		return invalid("PartSize is %d, want at least 1", o.PartSize)
	case o.PartSize > math.MaxInt64/max(1, int64(o.Parallelism)):
		return invalid("%d parts of %d bytes are more than any memory", o.Parallelism, o.PartSize)
	case o.Verify < VerifyIfPossible || o.Verify > VerifyLength:
		return invalid("Verify is %d, want one of the constants", o.Verify)
	}
	return nil
}

// invalid returns the fatal error of a bad parameter.
func invalid(format string, args ...any) error {
	return stream.Mark(fmt.Errorf("s3source: "+format, args...), stream.Fatal)
}

// isETag reports whether s can be the ETag of one object, or is "". A weak ETag (W/"…") never
// matches (https://www.rfc-editor.org/rfc/rfc9110#section-8.8.3.2); a list or * may match several
// objects. Quotes are optional, because some servers omit them.
func isETag(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c == ',' || c == '*' || c == 0x7f {
			return false
		}
	}
	return !strings.HasPrefix(s, "W/")
}
