package main

import (
	"context"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// downloads reads one object to its end. Ours verifies its checksum; the loop does not.
func downloads(s *servers, size int) ([]report.Case, error) {
	var all []report.Case
	for _, c := range []struct {
		scheme string
		client *s3.Client
	}{{"http", s.http}, {"https", s.https}} {
		all = append(all, report.Case{
			Name: "download-" + c.scheme, About: "one object over " + c.scheme + ", into a writer that counts",
			Unit: "byte", Units: size, Want: int64(size),
			Ours: report.Peer{Name: "millweir s3source.Download, verified", Run: ours(c.client)},
			Peers: []report.Peer{
				{
					Name: "GetObject and io.Copy, not verified", Run: getObject(c.client),
					Bar: report.Bar{Least: 1},
				},
			},
		})
	}
	return all, nil
}

// ours downloads with s3source.
func ours(client *s3.Client) func() (int64, error) {
	return func() (int64, error) {
		var n counter
		_, err := stream.Run(context.Background(), s3source.Download(client, "bench", "object", nil), sink.Writer(&n))
		return int64(n), err
	}
}

// getObject downloads with the SDK and io.Copy.
func getObject(client *s3.Client) func() (int64, error) {
	return func() (int64, error) {
		out, err := client.GetObject(context.Background(),
			&s3.GetObjectInput{Bucket: aws.String("bench"), Key: aws.String("object")})
		if err != nil {
			return 0, err
		}
		defer out.Body.Close()
		var n counter
		_, err = io.Copy(&n, out.Body)
		return int64(n), err
	}
}

// counter counts the bytes written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
