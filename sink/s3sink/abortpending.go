package s3sink

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// PendingAPI is what [AbortPending] needs of a client; *s3.Client has it.
type PendingAPI interface {
	ListMultipartUploads(ctx context.Context, in *s3.ListMultipartUploadsInput, opts ...func(*s3.Options)) (*s3.ListMultipartUploadsOutput, error)
	AbortMultipartUpload(ctx context.Context, in *s3.AbortMultipartUploadInput, opts ...func(*s3.Options)) (*s3.AbortMultipartUploadOutput, error)
}

// AbortPending aborts the unfinished multipart uploads to the keys that begin with prefix which began more than olderThan ago, and
// returns how many it aborted. It finds what a killed process, a lost reply or an abort that failed left behind, which costs
// money and shows in no list of objects. An upload that is still under way is aborted as well, so olderThan is to be longer than one takes.
//
// It goes on after an upload that cannot be aborted and joins the errors. Some services (MinIO) list uploads only for a prefix that is a whole key.
func AbortPending(ctx context.Context, client PendingAPI, bucket, prefix string, olderThan time.Duration) (int, error) {
	var (
		before  = time.Now().Add(-olderThan)
		in      = &s3.ListMultipartUploadsInput{Bucket: &bucket, Prefix: str(prefix)}
		found   []types.MultipartUpload
		errs    []error
		aborted int
	)
	for { // list all first: what is aborted on the way would move the pages
		out, err := client.ListMultipartUploads(ctx, in)
		if err != nil {
			return 0, fmt.Errorf("s3sink: list multipart uploads of %s/%s: %w", bucket, prefix, err)
		}
		found = append(found, out.Uploads...)
		if !aws.ToBool(out.IsTruncated) {
			break
		}
		if aws.ToString(out.NextKeyMarker) == "" {
			return 0, fmt.Errorf("s3sink: list multipart uploads of %s/%s: %w", bucket, prefix, errNoMarker)
		}
		in.KeyMarker, in.UploadIdMarker = out.NextKeyMarker, out.NextUploadIdMarker
	}
	for _, u := range found {
		key, id := aws.ToString(u.Key), aws.ToString(u.UploadId)
		if !strings.HasPrefix(key, prefix) || u.Initiated == nil || !u.Initiated.Before(before) {
			continue
		}
		if ctx.Err() != nil {
			return aborted, errors.Join(append(errs, context.Cause(ctx))...)
		}
		_, err := client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &bucket, Key: &key, UploadId: &id})
		switch {
		case err == nil:
			aborted++
		case !noSuchUpload(err): // it ended meanwhile
			errs = append(errs, fmt.Errorf("s3sink: abort upload %s of %s/%s: %w", id, bucket, key, err))
		}
	}
	return aborted, errors.Join(errs...)
}

var errNoMarker = errors.New("the list goes on, but the reply does not say where")
