package s3sink

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/millweir/millweir/internal/printable"
	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/internal/s3reply"
	"github.com/millweir/millweir/internal/s3wire"
	"github.com/millweir/millweir/stream"
)

// pending is an unfinished upload.
type pending struct {
	key, id string
	began   *time.Time // nil if the list does not say
}

// findPending returns all unfinished uploads to keys that begin with prefix. MinIO takes the prefix
// for a whole key. So if no upload has a longer key, findPending asks for all of the bucket too:
// after a restart, MinIO knows only those of a whole key.
func findPending(ctx context.Context, client PendingAPI, bucket, prefix string) ([]pending, time.Time, error) {
	list, err := listPending(ctx, client, bucket, prefix, prefix)
	longer := slices.ContainsFunc(list.found, func(u pending) bool { return len(u.key) > len(prefix) })
	if err != nil || longer || prefix == "" {
		return list.found, list.now, err
	}
	all, err := listPending(ctx, client, bucket, "", prefix)
	switch {
	case err == nil:
		return merge(list.found, all.found), list.now, nil
	case !errors.Is(err, errLongList) && s3fault.Status(err) != http.StatusForbidden:
		return nil, list.now, err
	case list.server == minIO:
		return nil, list.now, fmt.Errorf("%w, and MinIO takes the prefix for a whole key", err)
	}
	return list.found, list.now, nil // the right to list may be limited to the prefix
}

// merge returns the uploads of both lists.
func merge(a, b []pending) []pending {
	for _, u := range b {
		if !slices.ContainsFunc(a, func(v pending) bool { return v.key == u.key && v.id == u.id }) {
			a = append(a, u)
		}
	}
	return a
}

// minIO is the value of the header Server in MinIO's replies.
const minIO = "MinIO"

// pendingList is a list of unfinished uploads.
type pendingList struct {
	found  []pending
	now    time.Time // by the service's clock
	server string    // what the service calls itself
}

// listPending asks for the unfinished uploads to keys that begin with asked. It returns those that
// begin with prefix, and the time by the service's clock. It must list all of them before one is
// aborted, because an abort shifts the pages.
func listPending(ctx context.Context, client PendingAPI, bucket, asked, prefix string) (pendingList, error) {
	list := pendingList{now: time.Now()}
	in := &s3.ListMultipartUploadsInput{
		Bucket: &bucket, Prefix: s3wire.NonEmpty(asked),
		EncodingType: types.EncodingTypeUrl, MaxUploads: aws.Int32(pageSize),
	}
	size := 0                                                                   // bytes of the collected list
	for seen := map[[2]string]bool{}; len(seen) < maxPages && size < maxList; { // the markers of pages
		out, err := client.ListMultipartUploads(ctx, in, pendingTries().options)
		if err != nil {
			return list, s3fault.Mark(err)
		}
		if date, ok := awsmiddleware.GetServerTime(out.ResultMetadata); ok && len(seen) == 0 {
			list.now = date.Add(time.Second) // the date is truncated to the second
		}
		if reply, ok := awsmiddleware.GetRawResponse(out.ResultMetadata).(*smithyhttp.Response); ok {
			list.server = reply.Header.Get("Server")
		}
		if out.EncodingType == types.EncodingTypeUrl {
			if err := decode(out); err != nil {
				return list, err
			}
		}
		for _, u := range out.Uploads {
			p := pending{aws.ToString(u.Key), aws.ToString(u.UploadId), u.Initiated}
			if strings.HasPrefix(p.key, prefix) {
				list.found = append(list.found, p)
				size += uploadSize + len(p.key) + len(p.id)
			}
		}
		next := [2]string{aws.ToString(out.NextKeyMarker), aws.ToString(out.NextUploadIdMarker)}
		switch {
		case out.IsTruncated == nil: // an empty reply or an HTML page would look like an empty list
			return list, errNoList
		case !*out.IsTruncated:
			return list, nil
		case next[0] == "" || max(len(next[0]), len(next[1])) > s3reply.MaxName || seen[next]:
			return list, errNoMarker
		}
		seen[next] = true
		size += len(next[0]) + len(next[1])
		in.KeyMarker, in.UploadIdMarker = out.NextKeyMarker, out.NextUploadIdMarker
	}
	return list, errLongList
}

var (
	errNoList   = stream.Mark(errors.New("the reply is not a list of uploads"), stream.Fatal)
	errNoMarker = stream.Mark(errors.New("the list continues, but its next marker is missing or repeated"),
		stream.Fatal)
	errLongList = stream.Mark(errors.New("the list exceeds 2,000 pages or 64 MiB: extend the prefix"), stream.Fatal)
	errNoDate   = stream.Mark(errors.New("the list does not have its start time"), stream.Fatal)
)

// pageSize is the number of uploads in a page. A page of uploads with the longest keys, at three
// bytes for each encoded byte, fits into the greatest reply that is read.
const pageSize = 200

// These limits end a list to which a server adds pages forever.
const (
	maxPages   = 2000
	maxList    = 64 << 20 // bytes
	uploadSize = 100      // bytes for an upload, as well as its key and its id
)

// decode decodes the keys. They are requested with URL encoding because XML cannot represent every
// byte of a key.
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
			return stream.Mark(fmt.Errorf("a key in the list: %s", printable.Text(err.Error())), stream.Fatal)
		}
		*s = plain
	}
	return nil
}
