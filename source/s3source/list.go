package s3source

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/internal/s3reply"
	"github.com/millweir/millweir/internal/s3retry"
	"github.com/millweir/millweir/stream"
)

// ListAPI is the part of *s3.Client that [List] uses.
type ListAPI interface {
	ListObjectsV2(context.Context, *s3.ListObjectsV2Input, ...func(*s3.Options)) (*s3.ListObjectsV2Output, error)
}

// ListVersionsAPI is the part of *s3.Client that [ListVersions] uses.
type ListVersionsAPI interface {
	ListObjectVersions(context.Context, *s3.ListObjectVersionsInput, ...func(*s3.Options)) (
		*s3.ListObjectVersionsOutput, error)
}

// ListOptions tunes [List] and [ListVersions]. The zero value is ready to use.
type ListOptions struct {
	// Delimiter rolls up the keys that have it after the prefix: they are one entry, with the key
	// up to the delimiter. "" lists every key.
	Delimiter  string
	StartAfter string // only keys after this one; of versions too

	PageSize int // entries a request, 1 to 1,000; 0 means 1,000

	// RetryTimeout is how long a request is repeated after transient failures, after the client's
	// own retries, from its first failure on. 0 means 5 minutes; a negative time means never.
	RetryTimeout time.Duration
	// OnRetry is called before each wait for another request, on the goroutine that runs the
	// source. nil means no call.
	OnRetry func(err error, wait time.Duration)
}

// Entry is an entry of a list. Its texts come from the service: escape them before you print them.
type Entry struct {
	Key          string
	CommonPrefix bool // Key is the common part of rolled up keys; the other fields are empty
	Size         int64
	ETag         string
	LastModified time.Time
	StorageClass string

	VersionID    string // of a version or a delete marker
	IsLatest     bool   // it is the current version
	DeleteMarker bool   // the object is deleted, if IsLatest
}

// List returns a source that emits the objects in a bucket whose keys begin with prefix, in the
// service's order: on Amazon S3 that of the keys' bytes, except in directory buckets.
//
//   - Memory: one page.
//   - Order and goroutines: one request after another, and no goroutine.
//   - Errors: [ErrNotFound] for a bucket that does not exist; [ErrBadReply] for a reply that is no
//     list, has a key without the prefix, or leads back to an earlier page; otherwise the SDK's,
//     wrapped. A page that changes while it is read may miss what is written meanwhile.
//   - Drain: ends between two entries.
//   - Rights: s3:ListBucket.
func List(client ListAPI, bucket, prefix string, opts *ListOptions) stream.Source[Entry] {
	l, err := newList(bucket, prefix, opts, client == nil)
	if err != nil {
		return stream.Fail[Entry](err)
	}
	return stream.SourceFunc[Entry](func(ctx context.Context, emit func(Entry) error) error {
		run := l.run()
		return run.each(ctx, objectPages{client, run}.next, emit)
	})
}

// ListVersions is [List] for all versions of the objects, and their delete markers. The versions of
// a key are together, from the newest, which is the current one, to the oldest. The order of a
// version and a delete marker of the same second is unknown.
//
//   - Rights: s3:ListBucketVersions.
func ListVersions(client ListVersionsAPI, bucket, prefix string, opts *ListOptions) stream.Source[Entry] {
	l, err := newList(bucket, prefix, opts, client == nil)
	if err != nil {
		return stream.Fail[Entry](err)
	}
	return stream.SourceFunc[Entry](func(ctx context.Context, emit func(Entry) error) error {
		run := l.run()
		return run.each(ctx, versionPages{client, run}.next, emit)
	})
}

// list is a checked request for a list.
type list struct {
	bucket, prefix string
	opts           ListOptions
	policy         *s3retry.Policy // of one run
}

// run returns l for one run.
func (l *list) run() *list {
	one := *l
	one.policy = &s3retry.Policy{Timeout: l.opts.RetryTimeout}
	return &one
}

const (
	maxPage = 1000 // entries, https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html

	// A page with this number of the longest keys fits into the largest reply that is read.
	smallPage = 200
)

func newList(bucket, prefix string, opts *ListOptions, noClient bool) (*list, error) {
	l := &list{bucket: bucket, prefix: prefix}
	if opts != nil {
		l.opts = *opts
	}
	if l.opts.PageSize == 0 {
		l.opts.PageSize = maxPage
	}
	if l.opts.RetryTimeout == 0 {
		l.opts.RetryTimeout = s3retry.DefaultTimeout
	}
	switch o := l.opts; {
	case noClient:
		return nil, invalid("the client is nil")
	case bucket == "":
		return nil, invalid("the bucket's name is empty")
	case len(prefix) > maxKey || len(o.StartAfter) > maxKey || len(o.Delimiter) > maxKey:
		return nil, invalid("no key has more than %d bytes", maxKey)
	case o.PageSize < 1 || o.PageSize > maxPage:
		return nil, invalid("PageSize is %d, want 1 to %d", o.PageSize, maxPage)
	}
	return l, nil
}

// page is one reply of a list.
type page struct {
	entries []Entry
	next    marker // zero for the last page
}

// marker is where the next page begins.
type marker struct{ token, version string }

// each emits the entries of all pages that next returns.
func (l *list) each(ctx context.Context, next func(context.Context, marker, int) (*page, error),
	emit func(Entry) error,
) error {
	var at marker
	loop := loopDetector{}
	size := l.opts.PageSize
	for {
		p, err := next(ctx, at, size)
		if errors.Is(err, s3reply.ErrTooLong) && size > smallPage {
			size = smallPage
			continue
		}
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return l.failed(err)
		}
		if err := l.emitAll(ctx, p.entries, emit); err != nil {
			return err
		}
		if p.next == (marker{}) || drained(ctx) {
			return nil
		}
		if loop.repeats(p.next) {
			return l.failed(stream.Mark(fmt.Errorf("%w: the list leads back to an earlier page", ErrBadReply),
				stream.Fatal))
		}
		at = p.next
	}
}

func (l *list) emitAll(ctx context.Context, entries []Entry, emit func(Entry) error) error {
	for _, e := range entries {
		switch {
		case drained(ctx):
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !strings.HasPrefix(e.Key, l.prefix):
			return l.failed(stream.Mark(fmt.Errorf("%w: a key does not begin with the prefix", ErrBadReply),
				stream.Fatal))
		}
		if err := emit(e); err != nil {
			return err
		}
	}
	return nil
}

// drained reports whether the run is being drained.
func drained(ctx context.Context) bool {
	select {
	case <-stream.Draining(ctx):
		return true
	default:
		return false
	}
}

// failed adds the package and the list to err.
func (l *list) failed(err error) error {
	return fmt.Errorf("s3source: list %s/%s: %w", l.bucket, l.prefix, err)
}

// loopDetector finds a list that repeats its pages forever, in constant memory. It compares each
// marker with the marker of one earlier page, and replaces that page after 1, 2, 4, … pages.
type loopDetector struct {
	seen  marker
	pages int
}

func (d *loopDetector) repeats(m marker) bool {
	if m == d.seen {
		return true
	}
	d.pages++
	if d.pages&(d.pages-1) == 0 {
		d.seen = m
	}
	return false
}
