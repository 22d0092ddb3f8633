package s3source_test

import (
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/millweir/millweir/internal/s3fixture"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// TestScheme: the error of every kind of request says that the server of an http endpoint speaks https.
func TestScheme(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	client := s3fixture.NewClient("http" + strings.TrimPrefix(server.URL, "https"))
	ctx := t.Context()
	for name, request := range map[string]func() error{
		"get": func() error {
			_, err := read(ctx, s3source.Download(client, bucket, key, &s3source.DownloadOptions{RetryTimeout: -1}))
			return err
		},
		"head": func() error {
			_, err := s3source.Head(ctx, client, bucket, key, &s3source.HeadOptions{RetryTimeout: -1})
			return err
		},
		"list": func() error {
			return s3source.List(client, bucket, "", &s3source.ListOptions{RetryTimeout: -1}).Each(ctx,
				func(s3source.Entry) error { return nil })
		},
		"put": func() error {
			_, err := stream.Run(ctx, source.Slice([][]byte{[]byte("x")}), s3sink.Upload(client, bucket, key,
				&s3sink.UploadOptions{RetryTimeout: -1}))
			return err
		},
	} {
		if err := request(); err == nil || !strings.Contains(err.Error(), "must begin with https") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
