package s3source_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/millweir/millweir/source/s3source"
)

// pieces is a client whose bodies are read through body.
type pieces struct {
	data []byte
	body func(io.Reader) io.Reader
}

func (p pieces) GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	return &s3.GetObjectOutput{
		Body: io.NopCloser(p.body(bytes.NewReader(p.data))), ContentLength: aws.Int64(int64(len(p.data))),
		ETag: aws.String(`"x"`),
	}, nil
}

func (p pieces) HeadObject(context.Context, *s3.HeadObjectInput, ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	return &s3.HeadObjectOutput{ContentLength: aws.Int64(int64(len(p.data))), ETag: aws.String(`"x"`)}, nil
}

// TestPieces is D12: a body arrives in small reads. Its end comes with the last bytes or after
// them.
func TestPieces(t *testing.T) {
	for name, body := range map[string]func(io.Reader) io.Reader{
		"one byte": iotest.OneByteReader, "half": iotest.HalfReader, "end beside data": iotest.DataErrReader,
		"one byte, end beside it": func(r io.Reader) io.Reader { return iotest.DataErrReader(iotest.OneByteReader(r)) },
		"longer than told": func(r io.Reader) io.Reader {
			return io.MultiReader(r, bytes.NewReader(make([]byte, 10)))
		},
	} {
		for _, size := range []int{0, 1, 99, 100, 101, 200, 1000} {
			want := random(size)
			got, err := read(t.Context(), s3source.Download(pieces{want, body}, bucket, key,
				&s3source.DownloadOptions{ChunkSize: 100}))
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %d bytes of %d came, %v", name, len(got), size, err)
			}
		}
	}
}

// TestSlowConsumer is D14: a consumer that exceeds the write timeout of the server still gets the
// whole object.
func TestSlowConsumer(t *testing.T) {
	server, client := newServer(t, nil)
	want := random(32 << 20) // more than the sockets hold
	server.Put(bucket, key, want)
	target, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	impatient := httptest.NewUnstartedServer(httputil.NewSingleHostReverseProxy(target))
	impatient.Config.WriteTimeout = 300 * time.Millisecond
	var requests atomic.Int32
	proxied := impatient.Config.Handler
	impatient.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		proxied.ServeHTTP(w, r)
	})
	impatient.Start()
	defer impatient.Close()
	options := client.Options()
	options.BaseEndpoint = &impatient.URL
	var got []byte
	err = s3source.Download(s3.New(options), bucket, key,
		&s3source.DownloadOptions{ChunkSize: 1 << 20}).Each(t.Context(), func(p []byte) error {
		if len(got) == 0 || len(got) == 16<<20 {
			time.Sleep(500 * time.Millisecond)
		}
		got = append(got, p...)
		return nil
	})
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes came, %v", len(got), err)
	}
	if requests.Load() < 2 {
		t.Error("the server had patience enough")
	}
}
