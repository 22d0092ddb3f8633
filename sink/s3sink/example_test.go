package s3sink_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

func ExampleUpload() {
	server := s3test.New(nil) // in production: s3.NewFromConfig(cfg)
	defer server.Close()
	server.CreateBucket("backups")
	client := newClient(server.URL)

	body := source.Of([]byte("one line\n"), []byte("another\n"))
	object, err := stream.Run(context.Background(), body, s3sink.Upload(client, "backups", "notes.txt",
		&s3sink.UploadOptions{
			ContentType: "text/plain",
			IfAbsent:    true,
		}))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(object.Bucket, object.Key, object.Size, "bytes, CRC64NVME", object.Checksum)
	// Output: backups notes.txt 17 bytes, CRC64NVME DE0+SuG0yYA=
}

func ExampleProbeIfAbsent() {
	server := s3test.New(nil)
	defer server.Close()
	server.CreateBucket("backups")
	client := newClient(server.URL)

	// Once, when the bucket is set up. The key belongs to the probe.
	err := s3sink.ProbeIfAbsent(context.Background(), client, "backups", "millweir/probe", nil)
	fmt.Println(errors.Is(err, s3sink.ErrIgnoresIfNoneMatch), err)
	// Output:
	// false <nil>
}

func ExampleAbortPending() {
	server := s3test.New(nil)
	defer server.Close()
	server.CreateBucket("backups")
	client := newClient(server.URL)

	n, err := s3sink.AbortPending(context.Background(), client, "backups", "cookies/", &s3sink.AbortPendingOptions{
		OlderThan: 24 * time.Hour,
	})
	fmt.Println(n, "unfinished uploads aborted", err)
	// Output: 0 unfinished uploads aborted <nil>
}
