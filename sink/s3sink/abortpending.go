package s3sink

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/internal/printable"
	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/stream"
)

// PendingAPI is the part of *s3.Client that [AbortPending] uses.
type PendingAPI interface {
	ListMultipartUploads(context.Context, *s3.ListMultipartUploadsInput, ...func(*s3.Options)) (
		*s3.ListMultipartUploadsOutput, error)
	AbortMultipartUpload(context.Context, *s3.AbortMultipartUploadInput, ...func(*s3.Options)) (
		*s3.AbortMultipartUploadOutput, error)
}

// AbortPendingOptions tunes [AbortPending]. The zero value is ready to use.
type AbortPendingOptions struct {
	// OlderThan spares uploads that began later, by the service's clock. It must be longer than any
	// upload takes, because an upload in progress is aborted like any other. 0 means a week; a
	// negative time means all uploads.
	OlderThan time.Duration

	// Select reports whether to abort an upload. The others are left alone. nil means all.
	Select func(PendingUpload) bool

	// DryRun aborts nothing. OnUpload and the result are as if it did.
	DryRun bool

	// OnUpload is called after an upload was aborted, on the goroutine of the caller. nil means no
	// call.
	OnUpload func(PendingUpload)
}

// PendingUpload is an unfinished multipart upload.
type PendingUpload struct {
	Key   string
	ID    string
	Began time.Time // by the service's clock
}

// public returns u as the caller sees it. The upload has a date.
func (u pending) public() PendingUpload { return PendingUpload{Key: u.key, ID: u.id, Began: *u.began} }

// AbortPending aborts unfinished multipart uploads to keys that begin with prefix, and returns how
// many it aborted. Killed processes, lost replies and failed aborts leave such uploads, which cost
// money and appear in no list of objects.
//
// It first lists all uploads, 200 a page. It aborts nothing if the list does not end, or has more
// than 2,000 pages or 64 MiB; use longer prefixes in that case. If an upload cannot be aborted or
// has no date, AbortPending continues with the others and joins the errors. Each attempt of a
// request has a minute.
//
// MinIO takes a prefix for a whole key. So if a list has no upload whose key is longer than the
// prefix, AbortPending asks for all of the bucket. If MinIO refuses that, it is an error. MinIO
// forgets its uploads when it restarts, and then removes them itself after a day: AbortPending does
// not see those.
func AbortPending(
	ctx context.Context, client PendingAPI, bucket, prefix string, opts *AbortPendingOptions,
) (int, error) {
	o := AbortPendingOptions{}
	if opts != nil {
		o = *opts
	}
	o.OlderThan = cmp.Or(o.OlderThan, 7*24*time.Hour)
	found, now, err := findPending(ctx, client, bucket, prefix)
	switch {
	case err != nil && ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case err != nil:
		return 0, fmt.Errorf("s3sink: list multipart uploads of %s/%s: %w", bucket, prefix, err)
	}
	a := aborter{client: client, bucket: bucket, opts: o, failed: failedAborts{bucket: bucket}}
	for _, u := range found {
		switch {
		case u.began == nil:
			a.failed.add(u, errNoDate)
			continue
		case !u.began.Before(now.Add(-o.OlderThan)), o.Select != nil && !o.Select(u.public()):
			continue
		}
		if ctx.Err() == nil {
			a.abort(ctx, u)
		}
		if ctx.Err() != nil {
			return a.aborted, a.failed.join(context.Cause(ctx))
		}
	}
	return a.aborted, a.failed.join()
}

// aborter aborts uploads one after the other.
type aborter struct {
	client  PendingAPI
	bucket  string
	opts    AbortPendingOptions
	aborted int
	failed  failedAborts
}

func (a *aborter) abort(ctx context.Context, u pending) {
	if !a.opts.DryRun {
		in := &s3.AbortMultipartUploadInput{Bucket: &a.bucket, Key: &u.key, UploadId: &u.id}
		_, err := a.client.AbortMultipartUpload(ctx, in, pendingTries().options, wantEmptyReply)
		if err = s3fault.Mark(err); err != nil {
			if ctx.Err() == nil && !noSuchUpload(err) { // otherwise the upload has ended in the meantime
				a.failed.add(u, err)
			}
			return
		}
	}
	a.aborted++
	if a.opts.OnUpload != nil {
		a.opts.OnUpload(u.public())
	}
}

// failedAborts collects errors. It names some and counts the others.
type failedAborts struct {
	bucket string
	errs   []error
	left   int          // number of errors that are not in errs
	worst  stream.Class // the highest class of those
}

func (f *failedAborts) add(u pending, err error) {
	if len(f.errs) == maxErrors {
		f.left++
		f.worst = max(f.worst, stream.ClassOf(err))
		return
	}
	f.errs = append(f.errs, fmt.Errorf("s3sink: abort upload %s of %s/%s: %w",
		printable.Text(u.id), f.bucket, printable.Text(u.key), err))
}

// join returns all errors, and more.
func (f *failedAborts) join(more ...error) error {
	if f.left > 0 {
		more = append(more, stream.Mark(fmt.Errorf("s3sink: %d more uploads could not be aborted", f.left), f.worst))
	}
	return errors.Join(append(f.errs, more...)...)
}

// pendingTries returns the limits of one request.
func pendingTries() *attempts { return &attempts{timeout: time.Minute} }

// maxErrors is the greatest number of failed aborts that an error names.
const maxErrors = 5
