package integration_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/integration/servers"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

// abortFirst is a client that aborts the upload before each CompleteMultipartUpload, as a sweep or a lifecycle rule may.
type abortFirst struct {
	*s3.Client
	before func() error // called after the abort; may be nil
}

func (c abortFirst) CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput, opts ...func(*s3.Options)) (*s3.CompleteMultipartUploadOutput, error) {
	_, err := c.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: in.Bucket, Key: in.Key, UploadId: in.UploadId})
	if err != nil {
		return nil, err
	}
	if c.before != nil {
		if err := c.before(); err != nil {
			return nil, err
		}
	}
	return c.Client.CompleteMultipartUpload(ctx, in, opts...)
}

// TestUploadAbortedByAnother has an upload aborted by someone else before it is completed, over an older object. versitygw answers
// 200 with the ETag that the listed parts make, and leaves the older object: that is no success.
func TestUploadAbortedByAnother(t *testing.T) {
	eachS3(t, func(t *testing.T, s *servers.S3) {
		for name, sum := range map[string]s3sink.Checksum{"CRC64NVME": s3sink.ChecksumCRC64NVME, "no checksum": s3sink.ChecksumNone} {
			for old, body := range map[string][]byte{
				"another": random()[partSize : 3*partSize], "same bytes": random()[:2*partSize+1], "none": nil,
			} {
				t.Run(name+", older object "+old, func(t *testing.T) {
					bucket, client := s.Bucket(t), s.Client(t)
					want := random()[:2*partSize+1]
					silent := 0
					const rounds = 10
					for i := range rounds {
						key := fmt.Sprint("latest.gz.", i)
						if body != nil {
							_, err := stream.Run(t.Context(), chunked(body, 1<<20), s3sink.Upload(client, bucket, key, &s3sink.UploadOptions{PartSize: partSize}))
							if err != nil {
								t.Fatal(err)
							}
						}
						_, err := stream.Run(t.Context(), chunked(want, 1<<20),
							s3sink.Upload(abortFirst{Client: client}, bucket, key, &s3sink.UploadOptions{PartSize: partSize, Checksum: sum}))
						switch {
						case err == nil:
							silent++
						case !errors.Is(err, s3sink.ErrOutcomeUnknown) && !hasCode(err, "NoSuchUpload"):
							t.Errorf("the error is %v", err)
						}
						if body != nil {
							if got, _ := object(t, client, bucket, key); !bytes.Equal(got, body) {
								t.Errorf("the older object is gone")
							}
						}
					}
					if silent > 0 {
						t.Errorf("%d of %d uploads that were not stored ended without an error", silent, rounds)
					}
				})
			}
		}
	})
}
