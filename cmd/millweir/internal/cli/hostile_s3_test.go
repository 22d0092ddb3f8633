package cli

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/internal/hostile"
	"github.com/millweir/millweir/stream"
)

// TestHostileS3 runs the programs' own requests against hostile servers.
func TestHostileS3(t *testing.T) {
	check := func(ctx context.Context, s *S3, c *s3.Client) error { return s.Check(ctx, c) }
	list := `<?xml version="1.0"?><ListBucketResult><Contents><Key>`
	hostile.Table(t, []hostile.Row{
		s3Row("programs: an XML error without an end", hostile.Class(stream.Fatal), check,
			func(w http.ResponseWriter, _ *http.Request) {
				flood(w, http.StatusBadRequest, "<Error><Code>X</Code><Message>")
			}),
		s3Row("programs: a list with one name without an end", hostile.Class(stream.Fatal), check,
			func(w http.ResponseWriter, _ *http.Request) {
				flood(w, http.StatusOK, list)
			}),
		s3Row("programs: a redirect to itself for ever", hostile.Class(stream.Fatal), check,
			func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, r.URL.Path+"x?"+r.URL.RawQuery, http.StatusTemporaryRedirect)
			}),
		s3Row("programs: an error code of control characters", hostile.Class(stream.Fatal), check,
			func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w, "<Error><Code>\u009b31m\u202e"+strings.Repeat("C", 100_000)+"</Code></Error>")
			}),
		s3Row("programs: another region, with control characters", hostile.Class(stream.Fatal), check,
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Amz-Bucket-Region", "\u202e"+strings.Repeat("r", 100_000))
				w.WriteHeader(http.StatusMovedPermanently)
				_, _ = io.WriteString(w, "<Error><Code>PermanentRedirect</Code></Error>")
			}),
	})
}

// s3Row returns a row that calls ask with a client of a server that replies with serve.
func s3Row(name string, want func(error) bool, ask func(context.Context, *S3, *s3.Client) error,
	serve http.HandlerFunc,
) hostile.Row {
	return hostile.Row{Name: name, Want: want, Run: func(t *testing.T, ctx context.Context) error {
		server := httptest.NewServer(serve)
		defer server.Close()
		for k, v := range map[string]string{
			"AWS_ENDPOINT_URL_S3": server.URL, "AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "canary",
			"AWS_SESSION_TOKEN": "canary",
			"AWS_CONFIG_FILE":   "/none", "AWS_SHARED_CREDENTIALS_FILE": "/none",
		} {
			t.Setenv(k, v)
		}
		s := &S3{Bucket: "backups", Prefix: "tenant"}
		client, err := s.Client(ctx, &Program{out: io.Discard, secrets: new(secrets)})
		if err != nil {
			t.Fatal(err)
		}
		return ask(ctx, s, client)
	}}
}

// flood sends a body of 1 GiB that begins with start.
func flood(w http.ResponseWriter, status int, start string) {
	w.WriteHeader(status)
	_, err := io.WriteString(w, start)
	for block, sent := bytes.Repeat([]byte("x"), 1<<20), 0; err == nil && sent < 1<<30; sent += len(block) {
		_, err = w.Write(block)
	}
}
