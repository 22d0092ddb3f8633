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

// PendingAPI is what [AbortPending] needs of a client; *s3.Client has it.
type PendingAPI interface {
	ListMultipartUploads(ctx context.Context, in *s3.ListMultipartUploadsInput, opts ...func(*s3.Options)) (*s3.ListMultipartUploadsOutput, error)
	AbortMultipartUpload(ctx context.Context, in *s3.AbortMultipartUploadInput, opts ...func(*s3.Options)) (*s3.AbortMultipartUploadOutput, error)
}

// AbortPending aborts the unfinished multipart uploads to the keys that begin with prefix which began more than olderThan ago, by
// the service's clock, and returns how many it aborted. It finds what a killed process, a lost reply or an abort that failed left
// behind, which costs money and shows in no list of objects. An upload that is still under way is aborted as well, so olderThan must
// be longer than one takes.
//
// It lists all first, 200 a page, and aborts nothing if the list does not come to an end, or is larger than 2,000 pages or 64 MiB; then
// take longer prefixes. It goes on after an upload that cannot be aborted, or that has no date, and joins the errors. Each attempt of
// a request has a minute. Some services (MinIO) list uploads only for a prefix that is a whole key.
func AbortPending(ctx context.Context, client PendingAPI, bucket, prefix string, olderThan time.Duration) (int, error) {
	found, now, err := listPending(ctx, client, bucket, prefix)
	switch {
	case err != nil && ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case err != nil:
		return 0, fmt.Errorf("s3sink: list multipart uploads of %s/%s: %w", bucket, prefix, err)
	}
	var (
		aborted int
		errs    []error
		left    int          // errors that are not in errs
		worst   stream.Class // of those
	)
	failed := func(u pending, err error) {
		if len(errs) == maxErrors {
			left++
			worst = max(worst, stream.ClassOf(err))
			return
		}
		errs = append(errs, fmt.Errorf("s3sink: abort upload %s of %s/%s: %w", printable.Text(u.id), bucket, printable.Text(u.key), err))
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
		_, err := client.AbortMultipartUpload(ctx, in, pendingTries().options)
		switch err = s3fault.Mark(err); {
		case err == nil:
			aborted++
		case ctx.Err() != nil:
			return aborted, all(context.Cause(ctx))
		case !noSuchUpload(err): // otherwise it has ended meanwhile
			failed(u, err)
		}
	}
	return aborted, all()
}

// pendingTries returns what bounds the attempts of one request in time and size.
func pendingTries() *tries { return &tries{timeout: time.Minute} }

// maxErrors is how many uploads that could not be aborted are named in an error.
const maxErrors = 5
