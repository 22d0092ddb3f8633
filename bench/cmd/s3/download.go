package main

import (
	"context"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	tmtypes "github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// Every competitor that has these settings uses them.
const (
	partSize    = 8 << 20
	parallelism = 4
)

const bucket, key = "bench", "object"

// downloads reads one object to its end. Ours verifies its checksum; the loop does not.
func downloads(s *servers) []report.Case {
	var all []report.Case
	for _, c := range []struct {
		scheme string
		client *s3.Client
	}{{"http", s.http}, {"https", s.https}} {
		all = append(all, report.Case{
			Name: "download-" + c.scheme, About: "one object over " + c.scheme + ", into a writer that counts",
			Unit: "byte", Units: s.size, Want: int64(s.size),
			Ours: report.Peer{Name: "millweir s3source.Download, verified", Run: ours(c.client, nil)},
			Peers: []report.Peer{
				{
					Name: "GetObject and io.Copy, not verified", Run: getObject(c.client),
					Bar: report.Bar{Least: 1},
				},
				{
					Name: "transfermanager.GetObject, 4 ranges at a time", Run: transferGet(c.client),
					Bar: report.Bar{Least: 20},
				},
				{
					Name: "millweir, 4 ranges at a time, verified", Run: ours(c.client,
						&s3source.DownloadOptions{Parallelism: parallelism, PartSize: partSize}),
				},
			},
		})
	}
	return all
}

// ours downloads with s3source.
func ours(client *s3.Client, opts *s3source.DownloadOptions) func() (int64, error) {
	return func() (int64, error) {
		var n counter
		_, err := stream.Run(context.Background(), s3source.Download(client, bucket, key, opts), sink.Writer(&n))
		return int64(n), err
	}
}

// getObject downloads with the SDK and io.Copy.
func getObject(client *s3.Client) func() (int64, error) {
	return func() (int64, error) {
		out, err := client.GetObject(context.Background(),
			&s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
		if err != nil {
			return 0, err
		}
		defer out.Body.Close()
		return count(out.Body)
	}
}

// transferGet downloads with the reader of the SDK's transfer manager.
func transferGet(client *s3.Client) func() (int64, error) {
	return func() (int64, error) {
		out, err := transfers(client).GetObject(context.Background(),
			&transfermanager.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
		if err != nil {
			return 0, err
		}
		return count(out.Body)
	}
}

func transfers(client *s3.Client) *transfermanager.Client {
	return transfermanager.New(client, func(o *transfermanager.Options) {
		o.PartSizeBytes, o.Concurrency, o.GetObjectType = partSize, parallelism, tmtypes.GetObjectRanges
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
