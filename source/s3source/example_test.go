package s3source_test

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

func ExampleDownload() {
	server := s3test.New(nil) // in production: s3.NewFromConfig(cfg)
	defer server.Close()
	server.CreateBucket("backups")
	server.Put("backups", "notes.txt", []byte("one line\nanother\n"))
	client := s3.New(s3.Options{
		BaseEndpoint: &server.URL, Region: "us-east-1", UsePathStyle: true, Credentials: aws.AnonymousCredentials{},
	})

	for chunk, err := range stream.All(context.Background(), s3source.Download(client, "backups", "notes.txt", nil)) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s", chunk)
	}
	// Output:
	// one line
	// another
}
