package s3source

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/internal/s3reply"
	"github.com/millweir/millweir/internal/s3retry"
	"github.com/millweir/millweir/internal/s3wire"
	"github.com/millweir/millweir/stream"
)

// objectPages requests the pages of [List].
type objectPages struct {
	client ListAPI
	*list
}

func (l objectPages) next(ctx context.Context, at marker, size int) (*page, error) {
	in := &s3.ListObjectsV2Input{
		Bucket: &l.bucket, Prefix: s3wire.NonEmpty(l.prefix), Delimiter: s3wire.NonEmpty(l.opts.Delimiter),
		StartAfter: s3wire.NonEmpty(l.opts.StartAfter), ContinuationToken: s3wire.NonEmpty(at.token),
		MaxKeys: aws.Int32(int32(size)), EncodingType: types.EncodingTypeUrl,
	}
	out, err := request(ctx, l.list, func(ctx context.Context) (*s3.ListObjectsV2Output, error) {
		return l.client.ListObjectsV2(ctx, in, s3reply.Guard, l.reportRetries)
	})
	if err != nil {
		return nil, err
	}
	entries := make([]Entry, 0, len(out.Contents)+len(out.CommonPrefixes))
	for _, o := range out.Contents {
		entries = append(entries, Entry{
			Key: aws.ToString(o.Key), Size: aws.ToInt64(o.Size), ETag: aws.ToString(o.ETag),
			LastModified: aws.ToTime(o.LastModified), StorageClass: string(o.StorageClass), IsLatest: true,
		})
	}
	if err := decode(out.EncodingType, entries); err != nil {
		return nil, err
	}
	return newPage(entries, reply{
		out.EncodingType, out.CommonPrefixes, out.IsTruncated, marker{token: aws.ToString(out.NextContinuationToken)},
	})
}

// versionPages requests the pages of [ListVersions].
type versionPages struct {
	client ListVersionsAPI
	*list
}

func (l versionPages) next(ctx context.Context, at marker, size int) (*page, error) {
	if at.token == "" {
		at.token = l.opts.StartAfter
	}
	in := &s3.ListObjectVersionsInput{
		Bucket: &l.bucket, Prefix: s3wire.NonEmpty(l.prefix), Delimiter: s3wire.NonEmpty(l.opts.Delimiter),
		KeyMarker: s3wire.NonEmpty(at.token), VersionIdMarker: s3wire.NonEmpty(at.version),
		MaxKeys: aws.Int32(int32(size)), EncodingType: types.EncodingTypeUrl,
	}
	out, err := request(ctx, l.list, func(ctx context.Context) (*s3.ListObjectVersionsOutput, error) {
		return l.client.ListObjectVersions(ctx, in, s3reply.Guard, l.reportRetries)
	})
	if err != nil {
		return nil, err
	}
	entries, err := versionsOf(out)
	if err != nil {
		return nil, err
	}
	next := marker{token: aws.ToString(out.NextKeyMarker), version: aws.ToString(out.NextVersionIdMarker)}
	if next.token, err = unescape(out.EncodingType, next.token); err != nil {
		return nil, err
	}
	return newPage(entries, reply{out.EncodingType, out.CommonPrefixes, out.IsTruncated, next})
}

// versionsOf returns the versions and the delete markers of a reply in the order of the list. The
// SDK separates them. Within a key the newer one comes first.
func versionsOf(out *s3.ListObjectVersionsOutput) ([]Entry, error) {
	all := make([]Entry, 0, len(out.Versions)+len(out.DeleteMarkers)+len(out.CommonPrefixes))
	for _, v := range out.Versions {
		all = append(all, Entry{
			Key: aws.ToString(v.Key), VersionID: aws.ToString(v.VersionId), IsLatest: aws.ToBool(v.IsLatest),
			Size: aws.ToInt64(v.Size), ETag: aws.ToString(v.ETag), LastModified: aws.ToTime(v.LastModified),
			StorageClass: string(v.StorageClass),
		})
	}
	for _, m := range out.DeleteMarkers {
		all = append(all, Entry{
			Key: aws.ToString(m.Key), VersionID: aws.ToString(m.VersionId), IsLatest: aws.ToBool(m.IsLatest),
			LastModified: aws.ToTime(m.LastModified), DeleteMarker: true,
		})
	}
	if err := decode(out.EncodingType, all); err != nil {
		return nil, err
	}
	if len(out.DeleteMarkers) == 0 {
		return all, nil
	}
	slices.SortStableFunc(all, func(a, b Entry) int {
		return cmp.Or(strings.Compare(a.Key, b.Key), newerFirst(a, b))
	})
	return all, nil
}

// newerFirst orders two versions of a key.
func newerFirst(a, b Entry) int {
	switch {
	case a.IsLatest != b.IsLatest && a.IsLatest:
		return -1
	case a.IsLatest != b.IsLatest:
		return 1
	}
	return b.LastModified.Compare(a.LastModified)
}

// reply is what the replies of both lists have in common.
type reply struct {
	encoding  types.EncodingType
	prefixes  []types.CommonPrefix
	truncated *bool
	next      marker
}

// newPage returns the page of a reply with the decoded entries, and checks where the next one
// begins.
func newPage(entries []Entry, r reply) (*page, error) {
	prefixes := make([]Entry, 0, len(r.prefixes))
	for _, c := range r.prefixes {
		prefixes = append(prefixes, Entry{Key: aws.ToString(c.Prefix), CommonPrefix: true})
	}
	if err := decode(r.encoding, prefixes); err != nil {
		return nil, err
	}
	p := &page{entries: append(entries, prefixes...)}
	if len(prefixes) > 0 {
		slices.SortStableFunc(p.entries, func(a, b Entry) int { return strings.Compare(a.Key, b.Key) })
	}
	switch {
	case r.truncated == nil: // an empty reply or an HTML page would look like an empty list
		return nil, stream.Mark(fmt.Errorf("%w: it is not a list", ErrBadReply), stream.Fatal)
	case *r.truncated && r.next.token == "":
		return nil, stream.Mark(fmt.Errorf("%w: the list continues, but its next marker is missing", ErrBadReply),
			stream.Fatal)
	case *r.truncated:
		p.next = r.next
	}
	return p, nil
}

// decode decodes the keys. They are requested with URL encoding, because XML cannot represent every
// byte of a key.
func decode(encoding types.EncodingType, entries []Entry) (err error) {
	for i := range entries {
		if entries[i].Key, err = unescape(encoding, entries[i].Key); err != nil {
			return err
		}
	}
	return nil
}

func unescape(encoding types.EncodingType, s string) (string, error) {
	if encoding != types.EncodingTypeUrl { // the service ignores the wish
		return s, nil
	}
	plain, err := url.QueryUnescape(s)
	if err != nil {
		return "", stream.Mark(fmt.Errorf("%w: a key is not URL-encoded", ErrBadReply), stream.Fatal)
	}
	return plain, nil
}

// reportRetries reports the client's own retries to OnRetry.
func (l *list) reportRetries(o *s3.Options) { o.Retryer = s3retry.Notify(o.Retryer, l.opts.OnRetry) }

// request sends one request of a list, with a minute for each.
func request[T any](ctx context.Context, l *list, send func(context.Context) (T, error)) (T, error) {
	return s3retry.Do(ctx, l.policy, l.opts.OnRetry, func() (T, error) {
		tryCtx, cancel := context.WithTimeoutCause(ctx, defaultStall, errStalled)
		defer cancel()
		out, err := send(tryCtx)
		if err == nil {
			l.policy.Answered()
			return out, nil
		}
		if err = s3fault.Mark(err); s3fault.Status(err) == http.StatusNotFound {
			err = fmt.Errorf("%w: %w", ErrNotFound, err)
		}
		return out, orStalled(tryCtx, err)
	})
}
