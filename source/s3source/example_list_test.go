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

func ExampleList() {
	server := s3test.New(nil) // in production: s3.NewFromConfig(cfg)
	defer server.Close()
	client := exampleClient(server)
	server.CreateBucket("backups")
	for _, key := range []string{"2026/may", "2026/june", "2027/january"} {
		server.Put("backups", key, []byte("text"))
	}

	for entry, err := range stream.All(context.Background(), s3source.List(client, "backups", "2026/", nil)) {
		fmt.Println(entry.Key, entry.Size, err)
	}
	// Output:
	// 2026/june 4 <nil>
	// 2026/may 4 <nil>
}

func ExampleListVersions() {
	server := s3test.New(&s3test.Options{Versioned: true})
	defer server.Close()
	client := exampleClient(server)
	server.CreateBucket("backups")
	server.Put("backups", "notes.txt", []byte("one line"))
	server.Put("backups", "notes.txt", []byte("one line, and more"))

	for entry, err := range stream.All(context.Background(), s3source.ListVersions(client, "backups", "", nil)) {
		fmt.Println(entry.Key, entry.Size, entry.IsLatest, err)
	}
	// Output:
	// notes.txt 18 true <nil>
	// notes.txt 8 false <nil>
}

func exampleClient(server *s3test.Server) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: &server.URL, Region: "us-east-1", UsePathStyle: true, Credentials: aws.AnonymousCredentials{},
	})
}
