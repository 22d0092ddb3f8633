package cli

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/internal/s3reply"
)

// drippingServer is an HTTP client whose server sends its replies at one byte a second.
type drippingServer int

func (code drippingServer) Do(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: int(code), Header: http.Header{}, Body: dripping{r.Context()}, Request: r}, nil
}

type dripping struct{ ctx context.Context }

func (d dripping) Read(p []byte) (int, error) {
	select {
	case <-time.After(time.Second):
		return copy(p[:1], " "), nil
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	}
}

func (dripping) Close() error { return nil }

var _ io.ReadCloser = dripping{}

// TestDrippingS3 checks servers that reply at one byte a second of a fake clock. The check must end
// as it does for a silent server.
func TestDrippingS3(t *testing.T) {
	for _, code := range []drippingServer{http.StatusOK, http.StatusBadRequest, http.StatusInternalServerError} {
		synctest.Test(t, func(t *testing.T) {
			client := s3.New(s3.Options{
				BaseEndpoint: aws.String("http://s3.example"), UsePathStyle: true, Region: "us-east-1",
				Credentials: aws.AnonymousCredentials{}, HTTPClient: code,
			}, s3reply.Guard)
			s := &S3{Bucket: "backups", Prefix: "tenant"}
			begin := time.Now()
			err := s.Check(t.Context(), client)
			if took := time.Since(begin); !errors.Is(err, errNoReply) || took != requestTimeout {
				t.Errorf("%d: the check ended with %v after %v", code, err, took)
			}
			if !strings.Contains(err.Error(), "is silent") {
				t.Errorf("%d: the error reads %v", code, err)
			}
		})
	}
}
