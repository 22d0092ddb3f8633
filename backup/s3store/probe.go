package s3store

import (
	"context"
	"crypto/md5" //nolint:gosec // Object Lock demands it
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/internal/s3wire"
	"github.com/millweir/millweir/stream"
)

// ErrUnconditional reports a service that replaces an object although the request says that it must
// not. Two processes that make a repository, or new keys, at once could replace what the other has
// stored.
var ErrUnconditional = stream.Mark(errors.New("the service ignores If-None-Match: it replaces objects"), stream.Fatal)

// probeKey is the key of the object that [Store.Check] stores. It is no key of a store, so no list
// has it.
const probeKey = ".probe"

// checkConditional returns an error if the service does not refuse to replace an object.
func (s *Store) checkConditional(ctx context.Context) error {
	for range 2 {
		refused, err := s.putProbe(ctx)
		if refused || err != nil {
			return err
		}
	}
	return fmt.Errorf("s3store: put %s%s in the bucket %s: %w", s.prefix, probeKey, s.bucket, ErrUnconditional)
}

// probe is the content of the probe.
const probe = "millweir stores this object to see if it can be replaced\n"

// putProbe stores the probe, and reports whether the service refuses it because there is one.
func (s *Store) putProbe(ctx context.Context) (refused bool, _ error) {
	sum := md5.Sum([]byte(probe)) //nolint:gosec // Object Lock demands it
	_, err := request(ctx, s, "probe", func(ctx context.Context, opts ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
		return s.client.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &s.bucket, Key: aws.String(s.prefix + probeKey), IfNoneMatch: aws.String("*"),
			Body: strings.NewReader(probe), ContentMD5: aws.String(base64.StdEncoding.EncodeToString(sum[:])),
			ServerSideEncryption: types.ServerSideEncryption(s.opts.Upload.ServerSideEncryption),
			SSEKMSKeyId:          s3wire.NonEmpty(s.opts.Upload.SSEKMSKeyID),
		}, opts...)
	})
	if s3fault.Status(err) == http.StatusPreconditionFailed {
		return true, nil
	}
	return false, err
}
