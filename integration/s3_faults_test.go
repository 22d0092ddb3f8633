package integration_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millweir/millweir/integration/servers"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// killing emits n bytes, waits until the server has a part of an upload to key, kills the server
// and emits more.
func killing(t *testing.T, s *servers.S3, bucket, key string, killed chan<- struct{}) stream.Source[[]byte] {
	return stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
		if err := chunked(random()[:3*partSize+1], 1<<20).Each(ctx, emit); err != nil {
			return err
		}
		if len(s.Uploads(t, bucket, key)) != 1 {
			t.Error("no upload is pending")
		}
		s.Kill(t)
		close(killed)
		return chunked(random(), 1<<20).Each(ctx, emit)
	})
}

// TestUploadServerKilled kills the server in the middle of an upload and starts it again. The
// upload goes on, unless its time for retries is over: then the sink cleans up.
func TestUploadServerKilled(t *testing.T) {
	for name, retry := range map[string]time.Duration{"goes on": 0, "gives up": time.Second} {
		t.Run(name, func(t *testing.T) {
			eachOwnS3(t, func(t *testing.T, s *servers.S3) {
				bucket, client, key := s.Bucket(t), s.Client(t), "k"
				killed, cleansUp, restarted := make(chan struct{}), make(chan struct{}), make(chan struct{})
				go func() {
					defer close(restarted)
					<-killed
					if retry > 0 {
						<-cleansUp
					} else {
						away := servers.NewStandIn(t, s.Addr())
						away.Await(t, "a request after the SDK's retries", retriedBySink())
						away.Close()
					}
					s.Restart(t)
				}()
				var once sync.Once
				_, err := stream.Run(t.Context(), killing(t, s, bucket, key, killed),
					s3sink.Upload(client, bucket, key, &s3sink.UploadOptions{
						PartSize: partSize, Parallelism: 2, RetryTimeout: retry,
						OnRetry: func(err error, _ time.Duration) {
							if strings.Contains(err.Error(), "abort upload") {
								once.Do(func() { close(cleansUp) })
							}
						},
					}))
				<-restarted
				if retry > 0 {
					if err == nil || !strings.Contains(err.Error(), "connection") {
						t.Errorf("the error is not the cause: %v", err)
					}
					s.Nothing(t, bucket, key)
					return
				}
				want := append(bytes.Clone(random()[:3*partSize+1]), random()...)
				if body, _ := object(t, client, bucket, key); err != nil || !bytes.Equal(body, want) {
					t.Errorf("the object of %d bytes is not what was sent, %v", len(body), err)
				}
			})
		})
	}
}

// TestUploadServerGone kills the server for longer than the sink tries to clean up. The error names
// the pending upload, which can be aborted later.
func TestUploadServerGone(t *testing.T) {
	eachOwnS3(t, func(t *testing.T, s *servers.S3) {
		bucket, client, key := s.Bucket(t), s.Client(t), "k"
		_, err := stream.Run(t.Context(), killing(t, s, bucket, key, make(chan struct{})),
			s3sink.Upload(client, bucket, key, &s3sink.UploadOptions{
				PartSize: partSize, Parallelism: 2, RetryTimeout: time.Second, AbortTimeout: time.Second,
			}))
		if err == nil {
			t.Fatal("no error")
		}
		s.Restart(t)
		if keys := s.Keys(t, bucket); len(keys) > 0 {
			t.Errorf("the bucket has objects: %q", keys)
		}
		ids := s.Uploads(t, bucket, key)
		if len(ids) != 1 || !strings.Contains(err.Error(), ids[0]) {
			t.Errorf("the uploads %q are pending, the error is %v", ids, err)
		}
		if n, err := s3sink.AbortPending(t.Context(), client, bucket, key,
			&s3sink.AbortPendingOptions{OlderThan: -time.Minute}); n != 1 || err != nil {
			t.Errorf("AbortPending aborted %d uploads, %v", n, err)
		}
		s.Nothing(t, bucket, key)
	})
}

// TestUploadThroughBadConnections cuts connections in the middle of parts. The SDK sends the parts
// again.
func TestUploadThroughBadConnections(t *testing.T) {
	eachS3(t, func(t *testing.T, s *servers.S3) {
		bucket, want := s.Bucket(t), random()[:4*partSize+1]
		p := servers.NewProxy(t, s.Addr())
		reached := p.HoldUp(2*partSize + partSize/2)
		cut := make(chan struct{})
		go func() {
			defer close(cut)
			<-reached
			p.Reset()
			p.Release()
		}()
		client := servers.Client(t, "http://"+p.Addr())
		_, err := stream.Run(t.Context(), chunked(want, 1<<20),
			s3sink.Upload(client, bucket, "k", &s3sink.UploadOptions{PartSize: partSize, Parallelism: 2}))
		<-cut
		if err != nil {
			t.Fatal(err)
		}
		if body, _ := object(t, s.Client(t), bucket, "k"); !bytes.Equal(body, want) {
			t.Error("the object is not what was sent")
		}
		if ids := s.Uploads(t, bucket, "k"); len(ids) > 0 {
			t.Errorf("%d uploads are pending", len(ids))
		}
	})
}

// TestDownloadThroughBadConnections cuts the reply at many offsets. The source resumes there.
func TestDownloadThroughBadConnections(t *testing.T) {
	eachS3(t, func(t *testing.T, s *servers.S3) {
		bucket, want := s.Bucket(t), random()[:3*partSize]
		if _, err := stream.Run(t.Context(), chunked(want, 1<<20),
			s3sink.Upload(s.Client(t), bucket, "k", nil)); err != nil {
			t.Fatal(err)
		}
		p := servers.NewProxy(t, s.Addr())
		stop, stopped := make(chan struct{}), make(chan struct{})
		cuts, reached := 0, p.HoldDown(2_000_003)
		go func() {
			defer close(stopped)
			for {
				select {
				case <-reached:
				case <-stop:
					return
				}
				if cuts++; cuts%2 == 0 {
					p.Reset()
				} else {
					p.Cut()
				}
				reached = p.HoldDown(2_000_003)
			}
		}()
		got, err := download(t, servers.Client(t, "http://"+p.Addr()), bucket, "k", nil)
		close(stop)
		<-stopped
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes of %d came, %v", len(got), len(want), err)
		}
		if cuts < 5 {
			t.Errorf("only %d cuts", cuts)
		}
	})
}

// TestDownloadServerKilled kills the server during a download, once for good and once for a moment.
func TestDownloadServerKilled(t *testing.T) {
	eachOwnS3(t, func(t *testing.T, s *servers.S3) {
		bucket, client, want := s.Bucket(t), s.Client(t), random()
		if _, err := stream.Run(t.Context(), chunked(want, 1<<20),
			s3sink.Upload(client, bucket, "k", nil)); err != nil {
			t.Fatal(err)
		}
		read := func(at func()) (int, error) {
			n := 0
			err := s3source.Download(client, bucket, "k",
				&s3source.DownloadOptions{RetryTimeout: 3 * time.Second}).Each(t.Context(),
				func(p []byte) error {
					if !bytes.Equal(p, want[n:n+len(p)]) {
						t.Errorf("wrong bytes from %d on", n)
						return errTest
					}
					if n <= 1<<20 && n+len(p) > 1<<20 {
						at()
					}
					n += len(p)
					return nil
				})
			return n, err
		}
		n, err := read(func() { s.Kill(t); s.Restart(t) })
		if err != nil || n != len(want) {
			t.Errorf("a server that was restarted: %d bytes of %d, %v", n, len(want), err)
		}
		n, err = read(func() { s.Kill(t) })
		if err == nil || errors.Is(err, errTest) || n >= len(want) {
			t.Errorf("a server that is gone: %d bytes of %d, %v", n, len(want), err)
		}
	})
}
