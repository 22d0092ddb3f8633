package s3sink

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/internal/s3reply"
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
// It lists all first, 200 a page, and aborts nothing where the list does not come to an end. It goes on after an upload that cannot be aborted and
// joins the errors. Some services (MinIO) list uploads only for a prefix that is a whole key.
func AbortPending(ctx context.Context, client PendingAPI, bucket, prefix string, olderThan time.Duration) (int, error) {
	var (
		before  = time.Now().Add(-olderThan)
		in      = &s3.ListMultipartUploadsInput{Bucket: &bucket, Prefix: str(prefix), EncodingType: types.EncodingTypeUrl, MaxUploads: aws.Int32(pageSize)}
		seen    = map[[2]string]bool{} // where pages began
		found   []types.MultipartUpload
		errs    []error
		aborted int
	)
	for { // list all first: what is aborted on the way would move the pages
		out, err := client.ListMultipartUploads(ctx, in, capped)
		err = s3fault.Mark(err)
		if err == nil && out.EncodingType == types.EncodingTypeUrl {
			err = decode(out)
		}
		if err == nil && aws.ToBool(out.IsTruncated) {
			next := [2]string{aws.ToString(out.NextKeyMarker), aws.ToString(out.NextUploadIdMarker)}
			if next[0] == "" || seen[next] {
				err = errNoMarker
			}
			seen[next] = true
		}
		if err != nil {
			return 0, fmt.Errorf("s3sink: list multipart uploads of %s/%s: %w", bucket, prefix, err)
		}
		found = append(found, out.Uploads...)
		if !aws.ToBool(out.IsTruncated) {
			break
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
		_, err := client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &bucket, Key: &key, UploadId: &id}, capped)
		switch err = s3fault.Mark(err); {
		case err == nil:
			aborted++
		case !noSuchUpload(err): // it ended meanwhile
			errs = append(errs, fmt.Errorf("s3sink: abort upload %s of %s/%s: %w", id, bucket, key, err))
		}
	}
	return aborted, errors.Join(errs...)
}

var errNoMarker = errors.New("the list goes on, but the reply does not say where, or where it has been")

// pageSize is how many uploads are asked for at once: so many with the longest keys, each byte of them encoded by three, are a reply
// that is read to its end.
const pageSize = 200

// capped has replies end at their greatest length.
func capped(o *s3.Options) { o.APIOptions = append(o.APIOptions, s3reply.Cap, s3reply.KeepMethod) }

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
