package s3sink

import (
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

// AbortPending aborts unfinished multipart uploads to keys that begin with prefix, and returns how
// many it aborted. It aborts only uploads that began more than olderThan ago, by the service's
// clock. Killed processes, lost replies and failed aborts leave such uploads, which cost money and
// appear in no list of objects. AbortPending also aborts an upload that is still in progress, so
// olderThan must be longer than any upload takes; 0 aborts all.
//
// It first lists all uploads, 200 a page. It aborts nothing if the list does not end, or has more
// than 2,000 pages or 64 MiB; use longer prefixes in that case. If an upload cannot be aborted or
// has no date, AbortPending continues with the others and joins the errors. Each attempt of a
// request has a minute. If the service lists no upload for the prefix, AbortPending asks for all of
// the bucket, because MinIO takes a prefix for a whole key. MinIO forgets its uploads when it
// restarts, and then removes them itself after a day: AbortPending does not see those.
func AbortPending(ctx context.Context, client PendingAPI, bucket, prefix string, olderThan time.Duration) (int, error) {
	found, now, err := findPending(ctx, client, bucket, prefix)
	switch {
	case err != nil && ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case err != nil:
		return 0, fmt.Errorf("s3sink: list multipart uploads of %s/%s: %w", bucket, prefix, err)
	}
	var (
		aborted int
		errs    []error
		left    int          // number of errors that are not in errs
		worst   stream.Class // the highest class of those
	)
	failed := func(u pending, err error) {
		if len(errs) == maxErrors {
			left++
			worst = max(worst, stream.ClassOf(err))
			return
		}
		errs = append(errs, fmt.Errorf("s3sink: abort upload %s of %s/%s: %w",
			printable.Text(u.id), bucket, printable.Text(u.key), err))
	}
	all := func(more ...error) error {
		if left > 0 {
			more = append(more, stream.Mark(fmt.Errorf("s3sink: %d more uploads could not be aborted", left), worst))
		}
		return errors.Join(append(errs, more...)...)
	}
	for _, u := range found {
		switch {
		case u.began == nil:
			failed(u, errNoDate)
			continue
		case !u.began.Before(now.Add(-olderThan)):
			continue
		case ctx.Err() != nil:
			return aborted, all(context.Cause(ctx))
		}
		in := &s3.AbortMultipartUploadInput{Bucket: &bucket, Key: &u.key, UploadId: &u.id}
		_, err := client.AbortMultipartUpload(ctx, in, pendingTries().options, wantEmptyReply)
		switch err = s3fault.Mark(err); {
		case err == nil:
			aborted++
		case ctx.Err() != nil:
			return aborted, all(context.Cause(ctx))
		case !noSuchUpload(err): // otherwise the upload has ended in the meantime
			failed(u, err)
		}
	}
	return aborted, all()
}

// pendingTries returns the limits of one request.
func pendingTries() *attempts { return &attempts{timeout: time.Minute} }

// maxErrors is the greatest number of failed aborts that an error names.
const maxErrors = 5
