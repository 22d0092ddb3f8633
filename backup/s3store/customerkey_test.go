package s3store_test

import (
	"bytes"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/s3store"
	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// TestCallersOptions: a store keeps nothing of its caller's options. A caller may wipe a key, or use
// its map of metadata again.
func TestCallersOptions(t *testing.T) {
	server := s3test.New(&s3test.Options{TLS: true})
	defer server.Close()
	server.CreateBucket(bucket)
	client := s3.New(s3.Options{
		BaseEndpoint: &server.URL, UsePathStyle: true, Region: "us-east-1", Credentials: aws.AnonymousCredentials{},
		HTTPClient: server.HTTPClient(),
	})
	key := bytes.Repeat([]byte("key "), 8)
	given, metadata := bytes.Clone(key), map[string]string{"origin": "orders"}
	s := s3store.New(client, bucket, "", &s3store.Options{
		Upload:   s3sink.UploadOptions{CustomerKey: given, Metadata: metadata},
		Download: s3source.DownloadOptions{CustomerKey: given},
	})
	clear(given)
	clear(metadata)
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Run(t.Context(), source.Of([]byte("x")), s.Put("a", nil)); err != nil {
		t.Fatal(err)
	}
	body := s3source.Download(client, bucket, "a", &s3source.DownloadOptions{CustomerKey: key})
	if _, err := stream.Run(t.Context(), body, sink.Discard[[]byte]()); err != nil {
		t.Errorf("it is stored with another key: %v", err)
	}
	if got := server.Object(bucket, "a").Header.Get("X-Amz-Meta-Origin"); got != "orders" {
		t.Errorf("the metadata is %q", got)
	}
	if _, err := stream.Run(t.Context(), s.Get("a", nil), sink.Discard[[]byte]()); err != nil {
		t.Error(err)
	}
	_, err := stream.Run(t.Context(), source.Of([]byte("x")), s.Put("a", &backup.PutOptions{}))
	if stream.ClassOf(err) != stream.Fatal {
		t.Error(err)
	}
}
