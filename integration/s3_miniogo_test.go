package integration_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/encrypt"

	"github.com/millweir/millweir/integration/servers"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// minioClient returns the client minio-go for the endpoint of client.
func minioClient(t *testing.T, client *s3.Client, trailers bool) *minio.Client {
	t.Helper()
	scheme, host, _ := strings.Cut(*client.Options().BaseEndpoint, "://")
	opts := &minio.Options{
		Creds:  credentials.NewStaticV4(servers.AccessKey, servers.SecretKey, ""),
		Region: servers.Region, Secure: scheme == "https", TrailingHeaders: trailers,
	}
	if c, ok := client.Options().HTTPClient.(*http.Client); ok {
		opts.Transport = c.Transport
	}
	m, err := minio.New(host, opts)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestMinioGo: ours reads and verifies objects of minio-go, in one part and in several, and minio-go
// reads ours.
func TestMinioGo(t *testing.T) {
	eachS3(t, func(t *testing.T, s *servers.S3) {
		client, bucket, trailers := s.Client(t), s.Bucket(t), strings.HasSuffix(t.Name(), "/MinIO")
		for name, opts := range map[string]minio.PutObjectOptions{
			"default":           {},
			"MD5":               {SendContentMd5: true},
			"CRC32C, trailing":  {Checksum: minio.ChecksumCRC32C},
			"CRC32, trailing":   {Checksum: minio.ChecksumCRC32},
			"SHA-256, trailing": {Checksum: minio.ChecksumSHA256},
		} {
			t.Run(name, func(t *testing.T) {
				if opts.Checksum.IsSet() && !trailers {
					t.Skip("versitygw rejects the signed checksum after the body that minio-go sends")
				}
				exchange(t, client, bucket, opts, nil)
			})
		}
	})
}

// TestMinioGoCustomerKey is TestMinioGo with a customer's key (SSE-C).
func TestMinioGoCustomerKey(t *testing.T) {
	client, bucket := servers.MinIOTLS(t), "keys"
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
		t.Fatal(err)
	}
	exchange(t, client, bucket, minio.PutObjectOptions{}, bytes.Repeat([]byte("k"), 32))
}

// exchange writes objects with either client and reads them with the other.
func exchange(t *testing.T, client *s3.Client, bucket string, opts minio.PutObjectOptions, key []byte) {
	theirs := minioClient(t, client, opts.Checksum.IsSet())
	opts.PartSize = partSize
	var get minio.GetObjectOptions
	if key != nil {
		sse, err := encrypt.NewSSEC(key)
		if err != nil {
			t.Fatal(err)
		}
		opts.ServerSideEncryption, get.ServerSideEncryption = sse, sse
	}
	for _, size := range []int{0, 1000, 2*partSize + 1} {
		want := random()[:size]
		if _, err := theirs.PutObject(t.Context(), bucket, "k", bytes.NewReader(want), int64(size), opts); err != nil {
			t.Fatalf("%d bytes: minio-go writes: %v", size, err)
		}
		downloadMinioGo(t, client, bucket, want, key)

		_, err := stream.Run(t.Context(), chunked(want, 1<<20), s3sink.Upload(client, bucket, "ours",
			&s3sink.UploadOptions{PartSize: partSize, CustomerKey: key}))
		if err != nil {
			t.Fatal(err)
		}
		object, err := theirs.GetObject(t.Context(), bucket, "ours", get)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(object)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: minio-go reads %d, %v", size, len(got), err)
		}
		_ = object.Close() // it was read
	}
}

// downloadMinioGo downloads an object of minio-go. Only an object of several parts without a
// checksum, or with a customer's key, has nothing to compare the bytes with.
func downloadMinioGo(t *testing.T, client *s3.Client, bucket string, want, key []byte) {
	t.Helper()
	for _, parallelism := range []int{1, 3} {
		var object s3source.Object
		got, err := download(t, client, bucket, "k", &s3source.DownloadOptions{
			Parallelism: parallelism, PartSize: partSize, CustomerKey: key,
			OnObject: func(o s3source.Object) error { object = o; return nil },
		})
		if err != nil || !bytes.Equal(got, want) || object.Size != int64(len(want)) {
			t.Errorf("%d bytes, %d at a time: %d came, %v", len(want), parallelism, len(got), err)
		}
		comparable := len(object.Checksums) > 0 || key == nil && !strings.Contains(object.ETag, "-")
		if verified := object.Verification.Algorithm != ""; verified != comparable {
			t.Errorf("%d bytes, %d at a time: compared with %+v: %+v", len(want), parallelism,
				object.Verification, object)
		}
		t.Logf("%d bytes, ETag %s, checksums %v: compared with %+v", len(want), object.ETag, object.Checksums,
			object.Verification)
	}
}
