package s3reply_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/millweir/millweir/internal/s3reply"
)

// signing returns a client that sends credentials to a server with the handler serve.
func signing(t *testing.T, id, token string, serve http.HandlerFunc) *s3.Client {
	t.Helper()
	server := httptest.NewServer(serve)
	t.Cleanup(server.Close)
	return s3.New(s3.Options{
		BaseEndpoint: &server.URL, UsePathStyle: true, Region: "us-east-1", RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: id, SecretAccessKey: "secret", SessionToken: token}, nil
		}),
	}, s3reply.Guard)
}

// TestForgetEchoes: the server repeats parts of the request. Secrets are hidden, but a word that is
// too short to be a secret is not.
func TestForgetEchoes(t *testing.T) {
	for _, c := range []struct{ id, token, want string }{
		{"AKIATEST", canary, "you sent [hidden] and [hidden]"},
		{"AKIATEST", "", "you sent  and [hidden]"},
		{"you", "sent", "you sent sent and you"},
	} {
		client := signing(t, c.id, c.token, func(w http.ResponseWriter, r *http.Request) {
			_, id, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
			id, _, _ = strings.Cut(id, "/")
			said := "you sent " + r.Header.Get("X-Amz-Security-Token") + " and " + id
			w.Header().Set("X-Amz-Request-Id", said)
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, "<Error><Code>X</Code><Message>"+said+"</Message></Error>")
		})
		_, err := client.ListBuckets(t.Context(), nil)
		var reply *smithyhttp.ResponseError
		if !errors.As(err, &reply) || reply.HTTPResponse().Header.Get("X-Amz-Request-Id") != c.want ||
			!strings.Contains(err.Error(), "api error X: "+c.want) {
			t.Errorf("the error is %v, want %q in it", err, c.want)
		}
	}
}

// TestForgetKeepsTheEnd: if a reply is too long or breaks off, the error still says so.
func TestForgetKeepsTheEnd(t *testing.T) {
	for want, length := range map[error]int{io.ErrUnexpectedEOF: 100, s3reply.ErrTooLong: s3reply.Max + 1} {
		client := signing(t, "AKIATEST", canary, func(w http.ResponseWriter, _ *http.Request) {
			if length > 100 {
				_, _ = io.WriteString(w, strings.Repeat(" ", length))
				return
			}
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, strings.Repeat(" ", length))
		})
		if _, err := client.ListBuckets(t.Context(), nil); !errors.Is(err, want) {
			t.Errorf("the error is %v, want %v", err, want)
		}
	}
}

// TestForgetLeavesObjects: an object that contains a secret is not changed.
func TestForgetLeavesObjects(t *testing.T) {
	client := signing(t, "AKIATEST", canary, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, canary)
	})
	out, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(out.Body); err != nil || string(text) != canary {
		t.Errorf("%q came, %v", text, err)
	}
}

// TestForgetReadsNoMore has an endless reply, with the options in either order.
func TestForgetReadsNoMore(t *testing.T) {
	for _, order := range [][]func(*middleware.Stack) error{
		{s3reply.Cap, s3reply.Forget}, {s3reply.Forget, s3reply.Cap},
	} {
		b := &body{}
		signed := func(stack *middleware.Stack) error {
			for _, option := range order {
				if err := option(stack); err != nil {
					return err
				}
			}
			return stack.Build.Add(middleware.BuildMiddlewareFunc("sign", func(
				ctx context.Context, in middleware.BuildInput, next middleware.BuildHandler,
			) (middleware.BuildOutput, middleware.Metadata, error) {
				in.Request.(*smithyhttp.Request).Header.Set("X-Amz-Security-Token", canary)
				return next.HandleBuild(ctx, in)
			}), middleware.After)
		}
		got, err := reply(t.Context(), t, signed,
			&smithyhttp.Response{Response: &http.Response{StatusCode: http.StatusOK, Body: b}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, got.Body); n != s3reply.Max || b.read > s3reply.Max+1 ||
			!errors.Is(err, s3reply.ErrTooLong) {
			t.Errorf("%d bytes came of %d read, %v", n, b.read, err)
		}
	}
}

// TestForgetKeepsNames has a bucket and a key with the access key's id in their names: a list of
// them is not changed.
func TestForgetKeepsNames(t *testing.T) {
	client := signing(t, "minioadmin", canary, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `<ListMultipartUploadsResult><Bucket>minioadmin</Bucket><Upload>`+
			`<Key>minioadmin/a.gz</Key><UploadId>1</UploadId></Upload></ListMultipartUploadsResult>`)
	})
	out, err := client.ListMultipartUploads(t.Context(),
		&s3.ListMultipartUploadsInput{Bucket: aws.String("minioadmin")})
	if err != nil || len(out.Uploads) != 1 || aws.ToString(out.Uploads[0].Key) != "minioadmin/a.gz" {
		t.Errorf("the list is %+v, %v", out, err)
	}
}
