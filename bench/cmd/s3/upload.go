package main

import (
	"context"
	"crypto/tls"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/millweir/millweir/bench/cmd/s3/transfers"
	"github.com/millweir/millweir/bench/internal/report"
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
			Ours: report.Peer{Name: "millweir s3sink.Upload, CRC64NVME", Run: transfers.Upload(c.client, s.size)},
			Peers: []report.Peer{
				{
					Name: "manager.Uploader, CRC32", Run: transfers.ManagerUpload(c.client, s.size),
					Bar: report.Bar{Least: c.bar},
				},
				{
					Name: "transfermanager.UploadObject, CRC32", Run: transfers.TransferUpload(c.client, s.size),
					Bar: report.Bar{Least: c.bar},
				},
				{Name: "minio-go PutObject", Run: minioUpload(c.endpoint, c.trust, s.size)},
			},
		})
	}
	return all
}

// minioUpload uploads with minio-go.
func minioUpload(endpoint string, trust *tls.Config, size int) func() (int64, error) {
	_, host, _ := strings.Cut(endpoint, "://")
	client, err := minio.New(host, &minio.Options{
		Creds: credentials.NewStaticV4(transfers.AccessKey, transfers.SecretKey, ""), Region: transfers.Region,
		Secure: trust != nil, Transport: transfers.Transport(trust),
	})
	return func() (int64, error) {
		if err != nil {
			return 0, err
		}
		body := transfers.NewContent(size)
		ctx := context.Background()
		_, err := client.PutObject(ctx, transfers.Bucket, transfers.Key, body, -1, minio.PutObjectOptions{
			PartSize: transfers.PartSize, NumThreads: transfers.Parallelism, ConcurrentStreamParts: true,
		})
		return body.Offset, err
	}
}
