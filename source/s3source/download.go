// Package s3source reads objects of Amazon S3, and of what speaks its protocol, as byte streams.
//
//	body := s3source.Download(client, "backups", "cookies.jsonl.gz.age", nil)
//
// A stream that ends without an error is the whole object, or the whole range asked for, of one version of it. A connection that
// breaks, or a body that ends early in good order, is read on from where it ended.
//
// Each request has StallTimeout for its reply, and each read of the object as well, which must come at MinRate at least. A reply that is
// not the object ends at 1 MiB, a header at the HTTP client's limit (10 MiB in net/http). No redirect is followed: a request carries the
// session token, which is good at any host. An HTTP client that is neither net/http's nor the SDK's must not follow one itself; if it does,
// that is an error. Text of a server is escaped in errors and cut at 1 KiB, and of a URL only the host is left.
// errors.As finds the SDK's errors; the request that they refer to has its method and host only, without signature and token.
package s3source

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/millweir/millweir/stream"
)

// API is what [Download] needs of a client; *s3.Client has it.
type API interface {
	GetObject(ctx context.Context, in *s3.GetObjectInput, opts ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	HeadObject(ctx context.Context, in *s3.HeadObjectInput, opts ...func(*s3.Options)) (*s3.HeadObjectOutput, error)
}

// DownloadOptions tunes [Download]. The zero value is ready to use.
type DownloadOptions struct {
	VersionID string // of a versioned object; "" means the current one
	IfMatch   string // ETag that the object must have, as a reply or an upload told it, in its quotes; "" means any
	Offset    int64  // first byte to read, from 0; with the object's own length there is nothing to read
	Length    int64  // bytes to read, all of which must be there; 0 means to the end of the object

	ChunkSize    int           // bytes in an element, the last of a reply may be shorter; 0 means 128 KiB
	Retries      int           // how often in a row to ask again without getting a byte, or at MinRate; 0 means 5, a negative number never
	StallTimeout time.Duration // how long a reply may give no byte before another is asked for; 0 means a minute

	// MinRate is how many bytes a second must come, on average over StallTimeout of waiting for the server, before another reply is asked
	// for. The time that the consumer takes does not count. 0 means 1024; a negative number means no minimum.
	MinRate int64

	// OnRetry is called before the wait that precedes another request for what is left, and before those of the client's own
	// retries, on the goroutine that runs the source. The end of the run may cut the wait short. nil means not.
	OnRetry func(err error, wait time.Duration)
}

const (
	maxKey         = 1024 // bytes, https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
	defaultChunk   = 128 << 10
	defaultRetries = 5
	defaultStall   = time.Minute
	defaultRate    = 1 << 10 // bytes a second
)

var (
	// ErrNotFound is the error of an object, a version or a bucket that does not exist, or no longer does.
	ErrNotFound = stream.Mark(errors.New("there is no such object"), stream.Fatal)

	// ErrObjectChanged is the error of an object that was replaced while it was read, or before: it does not have the ETag of IfMatch.
	ErrObjectChanged = stream.Mark(errors.New("the object was replaced"), stream.Fatal)

	// ErrChecksum is the error of an object whose bytes do not have the checksum that is stored with it. They have been emitted by then.
	ErrChecksum = stream.Mark(errors.New("the bytes do not have the object's checksum"), stream.Fatal)

	// ErrBadReply is the error of replies that are not what was asked for, again and again: another range, the whole object for a
	// range, a body longer than the object; of one that has no ETag where the object is known by it.
	ErrBadReply = stream.Mark(errors.New("the reply is not what was asked for"), stream.Fatal)
)

// Download returns a source that emits the bytes of one S3 object, as they are stored: what is compressed stays so.
//
//   - Out: owned chunks of ChunkSize bytes, shorter ones where a reply ended and at the end; none for an empty object.
//   - Memory: one chunk.
//   - Order and goroutines: none of its own; the object is read by one request at a time, as fast as it is taken. A server that closes a
//     connection which waits is asked again.
//   - Retries: a reply that ends early, with or without an error, is read on with a Range and the first reply's ETag in If-Match. A service
//     that is too busy (503, 429) is asked again after a while, up to Retries times in a row, each with the client's own retries.
//   - Slow servers: a reply that stalls or falls below MinRate is given up, and the rest is asked for. If replies stay that slow,
//     Retries times in a row, the run ends with an error that wraps os.ErrDeadlineExceeded and is Retryable.
//   - IfMatch goes with the first request too, and the ETag of each reply is compared beside it: a server that does not know If-Match
//     is found out before a byte is emitted.
//   - Errors: [ErrNotFound], [ErrObjectChanged], [ErrChecksum], [ErrBadReply], and io.ErrUnexpectedEOF for an object that ends
//     before Offset, before Length bytes of it, or cannot be read to its end; the SDK's, wrapped, for all else (errors.As finds
//     types.InvalidObjectState, the archived). Each has a class for [stream.ClassOf]: what broke off or was refused for a while is
//     Retryable or Throttled, and a source that goes on at an Offset, with the same IfMatch, reads the rest (see [stream.Restart]).
//   - A drain of the run ([stream.Running.Drain]) does not end it: an object cut short would pass for the whole.
//   - Proof: the emitted bytes are counted against the object's length. A whole object with a full-object CRC64NVME is checked against
//     it, or else its length is confirmed by a HEAD request, for a proxy may shorten a body and its Content-Length alike.
//     Other checksums are not looked at. A range has its length checked only.
func Download(client API, bucket, key string, opts *DownloadOptions) stream.Source[[]byte] {
	d := &download{client: client, bucket: bucket, key: key}
	if opts != nil {
		d.opts = *opts
	}
	if d.opts.ChunkSize == 0 {
		d.opts.ChunkSize = defaultChunk
	}
	if d.opts.Retries == 0 {
		d.opts.Retries = defaultRetries
	}
	if d.opts.StallTimeout == 0 {
		d.opts.StallTimeout = defaultStall
	}
	if d.opts.MinRate == 0 {
		d.opts.MinRate = defaultRate
	}
	if err := d.check(); err != nil {
		return stream.Fail[[]byte](err)
	}
	return stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		r := &run{download: d, pos: d.opts.Offset, end: -1, etag: d.opts.IfMatch, pace: newPace(d.opts.MinRate, d.opts.StallTimeout)}
		if d.opts.Length > 0 {
			r.end = d.opts.Offset + d.opts.Length
		}
		return r.each(ctx, emit)
	})
}

// download is what is to be read.
type download struct {
	client      API
	bucket, key string
	opts        DownloadOptions
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
	}
	return nil
}

// invalid returns the error of a setting that no other run would do better with.
func invalid(format string, args ...any) error {
	return stream.Mark(fmt.Errorf("s3source: "+format, args...), stream.Fatal)
}

// isETag tells whether s can be the ETag of one object, or is "". A weak one, W/"…", would match none
// (https://www.rfc-editor.org/rfc/rfc9110#section-8.8.3.2), a list or * several. Quotes are not asked for: there are servers without.
func isETag(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c == ',' || c == '*' || c == 0x7f {
			return false
		}
	}
	return !strings.HasPrefix(s, "W/")
}
