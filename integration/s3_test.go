package integration_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/millweir/millweir/integration/servers"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

func TestUploadAndDownload(t *testing.T) {
	eachS3(t, func(t *testing.T, s *servers.S3) {
		bucket, client := s.Bucket(t), s.Client(t)
		for _, c := range []struct{ size, parts int }{
			{0, 0},
			{1, 0},
			{partSize - 1, 0},
			{partSize, 0},
			{partSize + 1, 2},
			{2*partSize - 1, 2},
			{2 * partSize, 2},
			{3 * partSize, 3},
			{6*partSize + 12_345, 7},
		} {
			t.Run(fmt.Sprint(c.size), func(t *testing.T) {
				key := fmt.Sprintf("a folder/žluť+&=?%%/%d", c.size)
				want := random()[:c.size]
				got, err := stream.Run(t.Context(), chunked(want, 100_000),
					s3sink.Upload(client, bucket, key, &s3sink.UploadOptions{
						PartSize:           partSize,
						ContentType:        "application/x-millweir",
						ContentDisposition: `attachment; filename="a.b"`,
						CacheControl:       "no-store",
						Metadata:           map[string]string{"purpose": "a test", "empty": ""},
					}))
				if err != nil {
					t.Fatal(err)
				}
				body, out := object(t, client, bucket, key)
				if !bytes.Equal(body, want) {
					t.Errorf("%d bytes are stored, not the %d that were sent", len(body), len(want))
				}
				if got.Size != int64(c.size) || got.Parts != c.parts || got.ETag != aws.ToString(out.ETag) ||
					got.ETag == "" {
					t.Errorf("the result is %+v, the object has the ETag %s", got, aws.ToString(out.ETag))
				}
				if aws.ToString(out.ContentType) != "application/x-millweir" ||
					aws.ToString(out.CacheControl) != "no-store" ||
					aws.ToString(out.ContentDisposition) != `attachment; filename="a.b"` ||
					out.Metadata["purpose"] != "a test" {
					t.Errorf("content type %v, cache control %v, disposition %v, metadata %v",
						aws.ToString(out.ContentType),
						aws.ToString(out.CacheControl), aws.ToString(out.ContentDisposition), out.Metadata)
				}
				head, err := client.HeadObject(t.Context(),
					&s3.HeadObjectInput{Bucket: &bucket, Key: &key, ChecksumMode: types.ChecksumModeEnabled})
				if err != nil {
					t.Fatal(err)
				}
				if sum := aws.ToString(head.ChecksumCRC64NVME); sum != got.Checksum || sum == "" {
					t.Errorf("the server holds the checksum %q, the result says %q", sum, got.Checksum)
				}
				if ids := s.Uploads(t, bucket, key); len(ids) > 0 {
					t.Errorf("%d uploads are pending", len(ids))
				}
				for _, opts := range []*s3source.DownloadOptions{nil, {ChunkSize: 4097}} {
					if b, err := download(t, client, bucket, key, opts); err != nil || !bytes.Equal(b, want) {
						t.Errorf("the download (%+v) brings %d bytes, %v", opts, len(b), err)
					}
				}
				if c.size > 1 {
					from, n := int64(c.size/3), int64(c.size/2)
					b, err := download(t, client, bucket, key, &s3source.DownloadOptions{Offset: from, Length: n})
					if err != nil || !bytes.Equal(b, want[from:from+n]) {
						t.Errorf("%d bytes from %d on: %d came, %v", n, from, len(b), err)
					}
				}
				if _, err := download(t, client, bucket, key,
					&s3source.DownloadOptions{Length: int64(c.size) + 1}); err == nil {
					t.Error("a byte behind the end came")
				}
			})
		}
	})
}

// TestUploadChecksums sends each checksum, in one request and in parts. The result says what the
// server has verified.
func TestUploadChecksums(t *testing.T) {
	eachS3(t, func(t *testing.T, s *servers.S3) {
		bucket, client := s.Bucket(t), s.Client(t)
		for sum, verified := range map[s3sink.Checksum]string{
			s3sink.ChecksumAuto: "CRC64NVME", s3sink.ChecksumCRC64NVME: "CRC64NVME", s3sink.ChecksumCRC32: "CRC32",
			s3sink.ChecksumCRC32C: "CRC32C", s3sink.ChecksumSHA1: "SHA1", s3sink.ChecksumSHA256: "SHA256",
			s3sink.ChecksumMD5: "MD5", s3sink.ChecksumNone: "MD5",
		} {
			for _, size := range []int{1000, 2*partSize + 1} {
				t.Run(fmt.Sprint(sum, " ", verified, " ", size), func(t *testing.T) {
					key, want := fmt.Sprint(sum, size), random()[:size]
					obj, err := stream.Run(t.Context(), chunked(want, 1<<20), s3sink.Upload(client, bucket, key,
						&s3sink.UploadOptions{PartSize: partSize, Checksum: sum}))
					if err != nil {
						t.Fatal(err)
					}
					if obj.Verified != verified {
						t.Errorf("verified by %q, want %q", obj.Verified, verified)
					}
					if b, err := download(t, client, bucket, key, nil); err != nil || !bytes.Equal(b, want) {
						t.Errorf("the download brings %d bytes, %v", len(b), err)
					}
				})
			}
		}
	})
}

func TestServerSideEncryption(t *testing.T) {
	s := servers.Shared.MinIO(t)
	bucket, client := s.Bucket(t), s.Client(t)
	for _, size := range []int{0, 1000, 2*partSize + 1000} {
		for name, c := range map[string]struct {
			opts s3sink.UploadOptions
			want types.ServerSideEncryption
		}{
			"none": {s3sink.UploadOptions{}, ""},
			"s3":   {s3sink.UploadOptions{ServerSideEncryption: "AES256"}, types.ServerSideEncryptionAes256},
			"kms": {
				s3sink.UploadOptions{ServerSideEncryption: "aws:kms", SSEKMSKeyID: servers.KMSKey},
				types.ServerSideEncryptionAwsKms,
			},
		} {
			t.Run(fmt.Sprint(name, " ", size), func(t *testing.T) {
				key, want := fmt.Sprint(name, size), random()[:size]
				opts := c.opts
				opts.PartSize = partSize
				if _, err := stream.Run(t.Context(), chunked(want, 1<<20),
					s3sink.Upload(client, bucket, key, &opts)); err != nil {
					t.Fatal(err)
				}
				body, out := object(t, client, bucket, key)
				if !bytes.Equal(body, want) || out.ServerSideEncryption != c.want {
					t.Errorf("%d bytes under %q, want %d under %q", len(body), out.ServerSideEncryption, size, c.want)
				}
				if id := aws.ToString(out.SSEKMSKeyId); c.want == types.ServerSideEncryptionAwsKms &&
					id != "arn:aws:kms:"+servers.KMSKey {
					t.Errorf("the key is %q", id)
				}
				if b, err := download(t, client, bucket, key, nil); err != nil || !bytes.Equal(b, want) {
					t.Errorf("the download brings %d bytes, %v", len(b), err)
				}
			})
		}
	}
	t.Run("unknown key", func(t *testing.T) {
		_, err := stream.Run(t.Context(), chunked(random()[:1000], 1000),
			s3sink.Upload(client, bucket, "unknown", &s3sink.UploadOptions{
				ServerSideEncryption: "aws:kms", SSEKMSKeyID: "no-such-key",
			}))
		if err == nil {
			t.Error("no error")
		}
	})
}

func TestUploadStopped(t *testing.T) {
	eachS3(t, func(t *testing.T, s *servers.S3) {
		for name, end := range map[string]func(cancel context.CancelCauseFunc) error{
			"cancelled":           func(cancel context.CancelCauseFunc) error { cancel(errTest); return nil },
			"failing source":      func(context.CancelCauseFunc) error { return errTest },
			"cancelled and fails": func(cancel context.CancelCauseFunc) error { cancel(errTest); return errTest },
		} {
			for _, n := range []int{0, 1, partSize, partSize + 1, 3*partSize + 1} {
				t.Run(fmt.Sprint(name, " after ", n), func(t *testing.T) {
					bucket, client := s.Bucket(t), s.Client(t)
					ctx, cancel := context.WithCancelCause(t.Context())
					defer cancel(nil)
					src := stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
						if err := chunked(random()[:n], 1<<20).Each(ctx, emit); err != nil {
							return err
						}
						if err := end(cancel); err != nil {
							return err
						}
						return chunked(random()[:1], 1).Each(ctx, emit)
					})
					_, err := stream.Run(ctx, src,
						s3sink.Upload(client, bucket, "k", &s3sink.UploadOptions{PartSize: partSize, Parallelism: 2}))
					if err != errTest { //nolint:errorlint // unchanged
						t.Errorf("the run ended with %v", err)
					}
					s.Nothing(t, bucket, "k")
				})
			}
		}
	})
}

func TestS3Refusals(t *testing.T) {
	eachS3(t, func(t *testing.T, s *servers.S3) {
		bucket, client := s.Bucket(t), s.Client(t)
		if _, err := download(t, client, bucket, "no-such-key", nil); !errors.Is(err, s3source.ErrNotFound) {
			t.Errorf("download of a key that is not there: %v", err)
		}
		if _, err := download(t, client, "no-such-bucket", "k", nil); !errors.Is(err, s3source.ErrNotFound) {
			t.Errorf("download from a bucket that is not there: %v", err)
		}
		wrong := s.Client(t, func(o *s3.Options) {
			o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: servers.AccessKey, SecretAccessKey: "wrong"}, nil
			})
		})
		for _, size := range []int{10, 2*partSize + 1} {
			src := chunked(random()[:size], 1<<20)
			if _, err := stream.Run(t.Context(), src,
				s3sink.Upload(client, "no-such-bucket", "k",
					&s3sink.UploadOptions{PartSize: partSize})); !hasCode(err, "NoSuchBucket") {
				t.Errorf("%d bytes into a bucket that is not there: %v", size, err)
			}
			src = chunked(random()[:size], 1<<20)
			if _, err := stream.Run(t.Context(), src,
				s3sink.Upload(wrong, bucket, "k", &s3sink.UploadOptions{PartSize: partSize})); !hasCode(err,
				"SignatureDoesNotMatch") {
				t.Errorf("%d bytes with a wrong secret: %v", size, err)
			}
		}
		s.Nothing(t, bucket, "k")
	})
}

// TestDownloadChanged replaces or deletes an object during a download.
func TestDownloadChanged(t *testing.T) {
	eachS3(t, func(t *testing.T, s *servers.S3) {
		for name, c := range map[string]struct {
			change func(client *s3.Client, bucket, key string) error
			want   error
		}{
			"replaced": {func(client *s3.Client, bucket, key string) error {
				_, err := client.PutObject(t.Context(),
					&s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(random()[1:])})
				return err
			}, s3source.ErrObjectChanged},
			"removed": {func(client *s3.Client, bucket, key string) error {
				_, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: &key})
				return err
			}, s3source.ErrNotFound},
		} {
			t.Run(name, func(t *testing.T) {
				bucket, direct := s.Bucket(t), s.Client(t)
				key, want := "k", random()
				if _, err := stream.Run(t.Context(), chunked(want, 1<<20),
					s3sink.Upload(direct, bucket, key, nil)); err != nil {
					t.Fatal(err)
				}
				p := servers.NewProxy(t, s.Addr())
				client := servers.Client(t, "http://"+p.Addr())
				reached := p.HoldDown(10 << 20)
				changed := make(chan error, 1)
				go func() {
					<-reached
					p.HoldUp(0) // stop requests to read: MinIO makes the writer wait for a reader
					p.Reset()
					err := c.change(direct, bucket, key)
					p.Release()
					changed <- err
				}()
				got, err := download(t, client, bucket, key, nil)
				if cerr := <-changed; cerr != nil {
					t.Fatal(cerr)
				}
				if !errors.Is(err, c.want) {
					t.Errorf("the download ended with %v", err)
				}
				if len(got) >= len(want) || !bytes.HasPrefix(want, got) {
					t.Errorf("%d bytes came, and not a beginning of the object", len(got))
				}
			})
		}
	})
}
