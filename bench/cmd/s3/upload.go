package main

//lint:file-ignore SA1019 programs of today use this upload manager; its successor costs more

import (
	"context"
	"crypto/tls"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/manager"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// uploads sends one stream of unknown length, each with its default checksum.
func uploads(s *servers) []report.Case {
	var all []report.Case
	for _, c := range []struct {
		scheme, endpoint string
		client           *s3.Client
		trust            *tls.Config
		bar              float64
	}{{"http", s.at.HTTP, s.http, nil, 2}, {"https", s.at.HTTPS, s.https, s.trust, 1}} {
		all = append(all, report.Case{
			Name: "upload-" + c.scheme, About: "one stream over " + c.scheme + ", 4 parts of 8 MiB at a time",
			Unit: "byte", Units: s.size, Want: int64(s.size),
			Ours: report.Peer{Name: "millweir s3sink.Upload, CRC64NVME", Run: upload(c.client, s.size)},
			Peers: []report.Peer{
				{
					Name: "manager.Uploader, CRC32", Run: managerUpload(c.client, s.size),
					Bar: report.Bar{Least: c.bar},
				},
				{
					Name: "transfermanager.UploadObject, CRC32", Run: transferUpload(c.client, s.size),
					Bar: report.Bar{Least: c.bar},
				},
				{Name: "minio-go PutObject", Run: minioUpload(c.endpoint, c.trust, s.size)},
			},
		})
	}
	return all
}

// upload uploads with s3sink.
func upload(client *s3.Client, size int) func() (int64, error) {
	return func() (int64, error) {
		object, err := stream.Run(context.Background(), source.Reader(&content{size: int64(size)}),
			s3sink.Upload(client, bucket, key, &s3sink.UploadOptions{PartSize: partSize, Parallelism: parallelism}))
		return object.Size, err
	}
}

// managerUpload uploads with the SDK's older manager, which most programs use.
func managerUpload(client *s3.Client, size int) func() (int64, error) {
	return func() (int64, error) {
		body := &content{size: int64(size)}
		_, err := manager.NewUploader(client, func(u *manager.Uploader) {
			u.PartSize, u.Concurrency = partSize, parallelism
		}).Upload(context.Background(), &s3.PutObjectInput{
			Bucket: aws.String(bucket), Key: aws.String(key), Body: body,
		})
		return body.offset, err
	}
}

// transferUpload uploads with the SDK's transfer manager.
func transferUpload(client *s3.Client, size int) func() (int64, error) {
	return func() (int64, error) {
		body := &content{size: int64(size)}
		_, err := transfers(client).UploadObject(context.Background(), &transfermanager.UploadObjectInput{
			Bucket: aws.String(bucket), Key: aws.String(key), Body: body,
		})
		return body.offset, err
	}
}

// minioUpload uploads with minio-go.
func minioUpload(endpoint string, trust *tls.Config, size int) func() (int64, error) {
	_, host, _ := strings.Cut(endpoint, "://")
	client, err := minio.New(host, &minio.Options{
		Creds: credentials.NewStaticV4(accessKey, secretKey, ""), Region: region, Secure: trust != nil,
		Transport: transport(trust),
	})
	return func() (int64, error) {
		if err != nil {
			return 0, err
		}
		body := &content{size: int64(size)}
		_, err := client.PutObject(context.Background(), bucket, key, body, -1, minio.PutObjectOptions{
			PartSize: partSize, NumThreads: parallelism, ConcurrentStreamParts: true,
		})
		return body.offset, err
	}
}
