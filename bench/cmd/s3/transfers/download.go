package transfers

import (
	"context"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	tmtypes "github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// Download downloads with s3source.
func Download(client *s3.Client, opts *s3source.DownloadOptions) func() (int64, error) {
	return func() (int64, error) {
		var n counter
		_, err := stream.Run(context.Background(), s3source.Download(client, Bucket, Key, opts), sink.Writer(&n))
		return int64(n), err
	}
}

// DownloadRanges downloads with s3source, Parallelism ranges at a time.
func DownloadRanges(client *s3.Client) func() (int64, error) {
	return Download(client, &s3source.DownloadOptions{Parallelism: Parallelism, PartSize: PartSize})
}

// GetObject downloads with the SDK and io.Copy.
func GetObject(client *s3.Client) func() (int64, error) {
	return func() (int64, error) {
		out, err := client.GetObject(context.Background(),
			&s3.GetObjectInput{Bucket: aws.String(Bucket), Key: aws.String(Key)})
		if err != nil {
			return 0, err
		}
		defer out.Body.Close()
		return count(out.Body)
	}
}

// TransferGet downloads with the reader of the SDK's transfer manager.
func TransferGet(client *s3.Client) func() (int64, error) {
	return func() (int64, error) {
		out, err := manager(client).GetObject(context.Background(),
			&transfermanager.GetObjectInput{Bucket: aws.String(Bucket), Key: aws.String(Key)})
		if err != nil {
			return 0, err
		}
		return count(out.Body)
	}
}

func manager(client *s3.Client) *transfermanager.Client {
	return transfermanager.New(client, func(o *transfermanager.Options) {
		o.PartSizeBytes, o.Concurrency, o.GetObjectType = PartSize, Parallelism, tmtypes.GetObjectRanges
	})
}

// count reads r to its end.
func count(r io.Reader) (int64, error) {
	var n counter
	_, err := io.Copy(&n, r)
	return int64(n), err
}

// counter counts the bytes written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
