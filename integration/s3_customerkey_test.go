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
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// TestCustomerKey: MinIO stores an object with a customer's key, and shows it only with that key.
func TestCustomerKey(t *testing.T) {
	client, bucket := servers.MinIOTLS(t), "keys"
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
		t.Fatal(err)
	}
	mine, other := bytes.Repeat([]byte("k"), 32), bytes.Repeat([]byte("o"), 32)
	for _, size := range []int{0, 10, 2*partSize + 1} {
		for _, sum := range []s3sink.Checksum{s3sink.ChecksumAuto, s3sink.ChecksumMD5, s3sink.ChecksumNone} {
			t.Run(fmt.Sprint(size, " ", sum), func(t *testing.T) {
				key, data := fmt.Sprint(size, sum), random()[:size]
				upload := func(customer []byte) error {
					_, err := stream.Run(t.Context(), chunked(data, 1<<20), s3sink.Upload(client, bucket, key,
						&s3sink.UploadOptions{
							PartSize: partSize, CustomerKey: customer, Checksum: sum, IfAbsent: true,
						}))
					return err
				}
				if err := upload(mine); err != nil {
					t.Fatal(err)
				}
				for name, second := range map[string][]byte{"the same": mine, "another": other} {
					if err := upload(second); !errors.Is(err, s3sink.ErrExists) {
						t.Errorf("a second upload with %s key: %v", name, err)
					}
				}
				got, err := download(t, client, bucket, key, &s3source.DownloadOptions{CustomerKey: mine})
				if err != nil || !bytes.Equal(got, data) {
					t.Errorf("%d bytes came, %v", len(got), err)
				}
				for name, wrong := range map[string][]byte{"no": nil, "another": other} {
					_, err := download(t, client, bucket, key, &s3source.DownloadOptions{CustomerKey: wrong})
					if !errors.Is(err, s3source.ErrCustomerKey) {
						t.Errorf("with %s key: %v", name, err)
					}
				}
			})
		}
	}
	var from s3sink.Checkpoint
	data := random()[:3*partSize]
	broken := stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
		if err := chunked(data[:2*partSize+1], 1<<20).Each(ctx, emit); err != nil {
			return err
		}
		return errTest
	})
	opts := &s3sink.UploadOptions{
		PartSize: partSize, CustomerKey: mine, KeepUpload: true, Parallelism: 1,
		OnPart: func(p s3sink.Part) { from = p.Checkpoint },
	}
	if _, err := stream.Run(t.Context(), broken, s3sink.Upload(client, bucket, "resumed",
		opts)); !errors.Is(err, errTest) {
		t.Fatal(err)
	}
	opts.Resume = &from
	if _, err := stream.Run(t.Context(), chunked(data, 1<<20), s3sink.Upload(client, bucket, "resumed",
		opts)); err != nil {
		t.Errorf("resumed: %v", err)
	}
	got, err := download(t, client, bucket, "resumed", &s3source.DownloadOptions{CustomerKey: mine})
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("resumed: %d bytes came, %v", len(got), err)
	}
	if err := s3sink.ProbeIfAbsent(t.Context(), client, bucket, "probe",
		&s3sink.UploadOptions{CustomerKey: mine}); err != nil {
		t.Error(err)
	}
}
