package s3source_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/source/s3source"
)

// TestOneConnection downloads with an HTTP client that allows one connection. No request may wait
// for a connection that another request of the same download holds.
func TestOneConnection(t *testing.T) {
	server, client := newServer(t, &s3test.Options{MinPartSize: -1})
	options := client.Options()
	options.HTTPClient = &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	client = s3.New(options)
	data := random(4 << 20) // more than the sockets hold
	size := len(data) / 4
	for name, object := range map[string]written{
		"one checksum":            {},
		"equal parts":             {algorithm: "CRC32", parts: []int{size, size, size, size}},
		"unequal parts":           {algorithm: "SHA256", parts: []int{size, size / 2, 2 * size, size / 2}},
		"parts, nothing compared": {parts: []int{size, 3 * size}},
	} {
		object.store(t, client, data)
		for _, parallelism := range []int{1, 4} {
			server.ClearFaults()
			server.Fault(s3test.Fault{Op: "GetObject", Times: 6, After: s3test.CutAfter(10_000)})
			var got bytes.Buffer
			err := s3source.Download(client, bucket, key, &s3source.DownloadOptions{
				Parallelism: parallelism, PartSize: 1 << 20, ChunkSize: 100_000,
				OnRetry: func(err error, _ time.Duration) {
					if errors.Is(err, os.ErrDeadlineExceeded) {
						t.Errorf("%s, %d at a time: %v", name, parallelism, err)
					}
				},
			}).Each(t.Context(), func(p []byte) error { got.Write(p); return nil })
			if err != nil || !bytes.Equal(got.Bytes(), data) {
				t.Errorf("%s, %d at a time: %d bytes, %v", name, parallelism, got.Len(), err)
			}
		}
	}
}

// slots is a client with a limited number of connections, each of which delivers a range in took.
type slots struct {
	free chan struct{}
	data []byte
	took time.Duration
}

func (c *slots) HeadObject(context.Context, *s3.HeadObjectInput, ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	return &s3.HeadObjectOutput{ETag: aws.String(`"x"`), ContentLength: aws.Int64(int64(len(c.data)))}, nil
}

func (c *slots) GetObject(ctx context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput,
	error,
) {
	trace := httptrace.ContextClientTrace(ctx)
	trace.GetConn("s3")
	select {
	case c.free <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	trace.GotConn(httptrace.GotConnInfo{})
	from, to, _ := strings.Cut(strings.TrimPrefix(aws.ToString(in.Range), "bytes="), "-")
	first, _ := strconv.Atoi(from)
	last, _ := strconv.Atoi(to)
	return &s3.GetObjectOutput{
		ETag: aws.String(`"x"`), ContentLength: aws.Int64(int64(last - first + 1)),
		ContentRange: aws.String(fmt.Sprintf("bytes %d-%d/%d", first, last, len(c.data))),
		Body:         &slowBody{bytes.NewReader(c.data[first : last+1]), c, false},
	}, nil
}

// slowBody delivers its bytes after a while, and gives its connection back when it is closed.
type slowBody struct {
	*bytes.Reader
	client *slots
	waited bool
}

func (b *slowBody) Read(p []byte) (int, error) {
	if !b.waited {
		time.Sleep(b.client.took)
		b.waited = true
	}
	return b.Reader.Read(p)
}

func (b *slowBody) Close() error {
	<-b.client.free
	return nil
}

var _ io.ReadCloser = (*slowBody)(nil)

// TestWaitForConnection: a request that waits for a free connection has not stalled while other
// requests of the download receive bytes, however long it waits.
func TestWaitForConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := &slots{free: make(chan struct{}, 1), data: random(2000), took: 40 * time.Second}
		got, err := read(t.Context(), s3source.Download(client, bucket, key, &s3source.DownloadOptions{
			Parallelism: 20, PartSize: 100, MinRate: 1, Verify: s3source.VerifyLength,
			OnRetry: func(err error, _ time.Duration) { t.Errorf("retry: %v", err) },
		}))
		if err != nil || !bytes.Equal(got, client.data) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	})
}

// TestNoConnection: if nothing moves, a request does not wait for a connection forever.
func TestNoConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := &slots{free: make(chan struct{}, 1), data: random(2000)}
		client.free <- struct{}{} // another program's
		begin := time.Now()
		_, err := read(t.Context(), s3source.Download(client, bucket, key,
			&s3source.DownloadOptions{Parallelism: 2, PartSize: 100}))
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) > 7*time.Minute {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
	})
}
