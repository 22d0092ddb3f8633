package s3sink

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/internal/s3reply"
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
// It lists all first, 200 a page, and aborts nothing if the list does not come to an end. It goes on after an upload that cannot be
// aborted, or that has no date, and joins the errors. Some services (MinIO) list uploads only for a prefix that is a whole key.
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
	)
	for _, u := range found {
		key, id := aws.ToString(u.Key), aws.ToString(u.UploadId)
		failed := func(err error) error { return fmt.Errorf("s3sink: abort upload %s of %s/%s: %w", id, bucket, key, err) }
		switch {
		case !strings.HasPrefix(key, prefix):
			continue
		case u.Initiated == nil:
			errs = append(errs, failed(errNoDate))
			continue
		case !u.Initiated.Before(now.Add(-olderThan)):
			continue
		case ctx.Err() != nil:
			return aborted, errors.Join(append(errs, context.Cause(ctx))...)
		}
		_, err := client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &bucket, Key: &key, UploadId: &id}, checkedReply)
		switch err = s3fault.Mark(err); {
		case err == nil:
			aborted++
		case ctx.Err() != nil:
			return aborted, errors.Join(append(errs, context.Cause(ctx))...)
		case !noSuchUpload(err): // otherwise it has ended meanwhile
			errs = append(errs, failed(err))
		}
	}
	return aborted, errors.Join(errs...)
}

// listPending returns all unfinished uploads to the keys that begin with prefix, and the time by the service's clock. It lists them
// before one is aborted, which would move the pages.
func listPending(ctx context.Context, client PendingAPI, bucket, prefix string) (found []types.MultipartUpload, now time.Time, err error) {
	in := &s3.ListMultipartUploadsInput{Bucket: &bucket, Prefix: str(prefix), EncodingType: types.EncodingTypeUrl, MaxUploads: aws.Int32(pageSize)}
	now = time.Now()
	for seen := map[[2]string]bool{}; ; { // where pages began
		out, err := client.ListMultipartUploads(ctx, in, checkedReply)
		if err != nil {
			return nil, now, s3fault.Mark(err)
		}
		if date, ok := awsmiddleware.GetServerTime(out.ResultMetadata); ok && len(seen) == 0 {
			now = date.Add(time.Second) // a date is cut to the second
		}
		if out.EncodingType == types.EncodingTypeUrl {
			if err := decode(out); err != nil {
				return nil, now, err
			}
		}
		found = append(found, out.Uploads...)
		next := [2]string{aws.ToString(out.NextKeyMarker), aws.ToString(out.NextUploadIdMarker)}
		switch {
		case out.IsTruncated == nil: // an empty reply, or a page for people, would pass for a list without uploads
			return nil, now, errNoList
		case !*out.IsTruncated:
			return found, now, nil
		case next[0] == "" || seen[next]:
			return nil, now, errNoMarker
		}
		seen[next] = true
		in.KeyMarker, in.UploadIdMarker = out.NextKeyMarker, out.NextUploadIdMarker
	}
}

var (
	errNoList   = stream.Mark(errors.New("the reply is not a list of uploads"), stream.Fatal)
	errNoMarker = stream.Mark(errors.New("the list goes on, but the reply does not say where, or where it has been"), stream.Fatal)
	errNoDate   = stream.Mark(errors.New("the list does not say when it began"), stream.Fatal)
)

// pageSize is how many uploads are asked for at once: so many with the longest keys, each byte of them encoded by three, are a reply
// that is read to its end.
const pageSize = 200

// checkedReply has replies end at their greatest length, and be to the method of the request.
func checkedReply(o *s3.Options) {
	o.APIOptions = append(o.APIOptions, s3reply.Cap, s3reply.KeepMethod)
}

// decode takes back the encoding that was asked for: XML cannot have every byte that a key may have.
func decode(out *s3.ListMultipartUploadsOutput) error {
	texts := []*string{out.NextKeyMarker}
	for _, u := range out.Uploads {
		texts = append(texts, u.Key)
	}
	for _, s := range texts {
		if s == nil {
			continue
		}
		plain, err := url.QueryUnescape(*s)
		if err != nil {
			return fmt.Errorf("a key in the list: %w", err)
		}
		*s = plain
	}
	return nil
}
