package transfers

//lint:file-ignore SA1019 programs of today use this upload manager; its successor costs more

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	oldmanager "github.com/aws/aws-sdk-go-v2/feature/s3/manager"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// Upload uploads with s3sink.
func Upload(client *s3.Client, size int) func() (int64, error) {
	return func() (int64, error) {
		object, err := stream.Run(context.Background(), source.Reader(NewContent(size)),
			s3sink.Upload(client, Bucket, Key, &s3sink.UploadOptions{PartSize: PartSize, Parallelism: Parallelism}))
		return object.Size, err
	}
}

// ManagerUpload uploads with the SDK's older manager, which most programs use.
func ManagerUpload(client *s3.Client, size int) func() (int64, error) {
	return func() (int64, error) {
		body := NewContent(size)
		_, err := oldmanager.NewUploader(client, func(u *oldmanager.Uploader) {
			u.PartSize, u.Concurrency = PartSize, Parallelism
		}).Upload(context.Background(), &s3.PutObjectInput{
			Bucket: aws.String(Bucket), Key: aws.String(Key), Body: body,
		})
		return body.Offset, err
	}
}

// TransferUpload uploads with the SDK's transfer manager.
func TransferUpload(client *s3.Client, size int) func() (int64, error) {
	return func() (int64, error) {
		body := NewContent(size)
		_, err := manager(client).UploadObject(context.Background(), &transfermanager.UploadObjectInput{
			Bucket: aws.String(Bucket), Key: aws.String(Key), Body: body,
		})
		return body.Offset, err
	}
}
