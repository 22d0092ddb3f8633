package integration_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/millweir/millweir/integration/servers"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

// abortFirst is a client that aborts the upload before each CompleteMultipartUpload, as a lifecycle
// rule may.
type abortFirst struct{ *s3.Client }

func (c abortFirst) CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput,
	opts ...func(*s3.Options),
) (*s3.CompleteMultipartUploadOutput, error) {
	_, err := c.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: in.Bucket, Key: in.Key, UploadId: in.UploadId,
	})
	if err != nil {
		return nil, err
	}
	return c.Client.CompleteMultipartUpload(ctx, in, opts...)
}

// TestUploadAbortedByAnother replaces an object, but another client aborts the upload just before
// its completion. versitygw replies 200 with the ETag of the listed parts, and keeps the older
// object. The upload must fail.
func TestUploadAbortedByAnother(t *testing.T) {
	eachS3(t, func(t *testing.T, s *servers.S3) {
		for name, sum := range map[string]s3sink.Checksum{
			"CRC64NVME":   s3sink.ChecksumCRC64NVME,
			"no checksum": s3sink.ChecksumNone,
		} {
			want := random()[:2*partSize+1]
			for old, store := range map[string]func(t *testing.T, client *s3.Client, bucket, key string) []byte{
				"none":                 func(*testing.T, *s3.Client, string, string) []byte { return nil },
				"another":              storedByUs(random()[partSize : 3*partSize]),
				"of an earlier run":    storedByUs(want),
				"of another tool":      storedBySDK(want),
				"of another tool once": storedBySDK(want[:partSize]),
			} {
				t.Run(name+", older object "+old, func(t *testing.T) {
					bucket, client := s.Bucket(t), s.Client(t)
					silent := 0
					const rounds = 10
					for i := range rounds {
						key := fmt.Sprint("latest.gz.", i)
						body := store(t, client, bucket, key)
						_, err := stream.Run(t.Context(), chunked(want, 1<<20),
							s3sink.Upload(abortFirst{client}, bucket, key,
								&s3sink.UploadOptions{PartSize: partSize, Checksum: sum}))
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

// storedByUs returns a function that stores body as this library does.
func storedByUs(body []byte) func(*testing.T, *s3.Client, string, string) []byte {
	return func(t *testing.T, client *s3.Client, bucket, key string) []byte {
		_, err := stream.Run(t.Context(), chunked(body, 1<<20),
			s3sink.Upload(client, bucket, key, &s3sink.UploadOptions{PartSize: partSize}))
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
}

// storedBySDK returns a function that stores body in parts of partSize by the SDK alone, without
// metadata.
func storedBySDK(body []byte) func(*testing.T, *s3.Client, string, string) []byte {
	return func(t *testing.T, client *s3.Client, bucket, key string) []byte {
		up, err := client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: &key})
		if err != nil {
			t.Fatal(err)
		}
		var parts []types.CompletedPart
		for rest := body; len(rest) > 0; rest = rest[min(partSize, len(rest)):] {
			n := int32(len(parts) + 1)
			p, err := client.UploadPart(t.Context(), &s3.UploadPartInput{
				Bucket: &bucket, Key: &key, UploadId: up.UploadId, PartNumber: &n,
				Body: bytes.NewReader(rest[:min(partSize, len(rest))]),
			})
			if err != nil {
				t.Fatal(err)
			}
			parts = append(parts, types.CompletedPart{PartNumber: &n, ETag: p.ETag})
		}
		_, err = client.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{
			Bucket: &bucket, Key: &key, UploadId: up.UploadId,
			MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
		})
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
}
