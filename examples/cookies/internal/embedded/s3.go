package embedded

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"
)

// S3 is a running S3 server (gofakes3) that keeps its objects in memory.
type S3 struct {
	Endpoint          string // http://127.0.0.1:PORT
	AccessKey, Secret string // the only credentials it accepts

	server *http.Server
	done   chan struct{}
}

// StartS3 starts a server on a free port of the loopback interface, with the given empty buckets.
func StartS3(buckets ...string) (*S3, error) {
	backend := s3mem.New()
	for _, b := range buckets {
		if err := backend.CreateBucket(context.Background(), b); err != nil {
			return nil, fmt.Errorf("embedded: create bucket %s: %w", b, err)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("embedded: start S3: %w", err)
	}
	s := &S3{
		Endpoint:  "http://" + listener.Addr().String(),
		AccessKey: "EXAMPLEACCESSKEY", Secret: "example-secret",
		done: make(chan struct{}),
	}
	fake := gofakes3.New(backend, gofakes3.WithV4Auth(map[string]string{s.AccessKey: s.Secret}))
	s.server = &http.Server{Handler: fake.Server(), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(s.done)
		_ = s.server.Serve(listener) // always http.ErrServerClosed, after Stop
	}()
	return s, nil
}

// Client returns a client of the server.
func (s *S3) Client() *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(s.Endpoint),
		Region:       "us-east-1",
		UsePathStyle: true,
		Credentials:  credentials.NewStaticCredentialsProvider(s.AccessKey, s.Secret, ""),
	})
}

// Stop ends the server and its connections. Its objects are gone.
func (s *S3) Stop() {
	_ = s.server.Close()
	<-s.done
}
