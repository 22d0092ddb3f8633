package integration_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

const partSize = 5 << 20 // the minimum of S3

// random returns the bytes of objects.
var random = sync.OnceValue(func() []byte {
	b := make([]byte, 32<<20)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	return b
})

// chunked emits copies of parts of b, because the receiver owns a chunk and may change it.
func chunked(b []byte, size int) stream.Source[[]byte] {
	return source.Reader(struct{ io.Reader }{&pieces{bytes.NewReader(b), size}})
}

type pieces struct {
	r    io.Reader
	size int
}

func (p *pieces) Read(b []byte) (int, error) { return p.r.Read(b[:min(len(b), p.size)]) }

// object downloads an object with the SDK alone.
func object(t testing.TB, client *s3.Client, bucket, key string) ([]byte, *s3.GetObjectOutput) {
	t.Helper()
	out, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	b, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	return b, out
}

// download downloads an object with our source.
func download(t testing.TB, client s3source.API, bucket, key string, opts *s3source.DownloadOptions) ([]byte, error) {
	t.Helper()
	var b bytes.Buffer
	_, err := stream.Run(t.Context(), s3source.Download(client, bucket, key, opts), sink.Writer(&b))
	return b.Bytes(), err
}

func hasCode(err error, code string) bool {
	var api interface{ ErrorCode() string }
	return errors.As(err, &api) && api.ErrorCode() == code
}
