package s3reply_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/internal/s3reply"
)

const canary = "canary-token"

// following is an HTTP client of a type whose redirects cannot be disabled.
type following struct{ *http.Client }

// clients returns an HTTP client of each type that a user may have. Each trusts the certificates in
// pool.
func clients(pool *x509.CertPool) map[string]s3.HTTPClient {
	trust := func() *tls.Config { return &tls.Config{RootCAs: pool} }
	return map[string]s3.HTTPClient{
		"the SDK's": awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) {
			tr.TLSClientConfig = trust()
		}),
		"the SDK's frozen": awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) {
			tr.TLSClientConfig = trust()
		}).Freeze(),
		"net/http's": &http.Client{Transport: &http.Transport{TLSClientConfig: trust()}},
		"another": following{&http.Client{
			Transport: &http.Transport{TLSClientConfig: trust()},
		}},
	}
}

// elsewhere is a server that counts its requests, checks them for the session token, and redirects
// to itself a few times.
type elsewhere struct {
	*httptest.Server
	heard  atomic.Int64
	leaked atomic.Bool
}

func newElsewhere(t *testing.T, start func(http.Handler) *httptest.Server) *elsewhere {
	e := &elsewhere{}
	e.Server = start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.heard.Add(1)
		for _, values := range r.Header {
			if strings.Contains(strings.Join(values, " "), canary) {
				e.leaked.Store(true)
			}
		}
		if len(r.URL.Path) < 20 { // not forever, because some clients follow
			http.Redirect(w, r, r.URL.Path+"x", http.StatusTemporaryRedirect)
			return
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(e.Close)
	return e
}

// TestRedirect redirects in every way: to another host, to another port, to plain HTTP. Only HTTP
// clients whose redirects cannot be disabled follow, and that is an error.
func TestRedirect(t *testing.T) {
	const bucket, key = "b", "k"
	calls := map[string]func(context.Context, *s3.Client) error{
		"GetObject": func(ctx context.Context, c *s3.Client) error {
			_, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)},
				s3reply.Guard)
			return err
		},
		"HeadObject": func(ctx context.Context, c *s3.Client) error {
			_, err := c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)},
				s3reply.Guard)
			return err
		},
		"PutObject": func(ctx context.Context, c *s3.Client) error {
			_, err := c.PutObject(ctx, &s3.PutObjectInput{
				Bucket: aws.String(bucket), Key: aws.String(key),
				Body: strings.NewReader("x"),
			}, s3reply.Guard)
			return err
		},
		"ListObjectsV2": func(ctx context.Context, c *s3.Client) error {
			_, err := c.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String(bucket)}, s3reply.Guard,
				s3reply.Guard)
			return err
		},
		"AbortMultipartUpload": func(ctx context.Context, c *s3.Client) error {
			_, err := c.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
				Bucket: aws.String(bucket), Key: aws.String(key), UploadId: aws.String("1"),
			}, s3reply.Guard)
			return err
		},
	}
	overTLS, plain := newElsewhere(t, httptest.NewTLSServer), newElsewhere(t, httptest.NewServer)
	var status atomic.Int64
	var location atomic.Value
	here := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Amz-Security-Token") != canary {
			t.Errorf("%s of %s came without its token", r.Method, r.URL)
		}
		if len(r.URL.Path) > 20 { // a client that follows has already been here
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Location", location.Load().(string)+r.URL.Path+"x")
		w.WriteHeader(int(status.Load()))
	}))
	defer here.Close()
	pool := x509.NewCertPool()
	pool.AddCert(here.Certificate())
	pool.AddCert(overTLS.Certificate())
	for kind, httpClient := range clients(pool) {
		for _, e := range []*elsewhere{overTLS, plain} {
			e.heard.Store(0)
			e.leaked.Store(false)
		}
		client := s3.New(s3.Options{
			BaseEndpoint: &here.URL, UsePathStyle: true, Region: "us-east-1", HTTPClient: httpClient,
			RetryMaxAttempts: 1,
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "AKIATEST", SecretAccessKey: "secret", SessionToken: canary}, nil
			}),
		})
		for _, code := range []int{301, 302, 303, 307, 308} {
			for _, to := range []string{
				strings.Replace(plain.URL, "127.0.0.1", "localhost", 1), overTLS.URL, plain.URL, here.URL,
			} {
				for name, call := range calls {
					status.Store(int64(code))
					location.Store(to)
					err := call(t.Context(), client)
					_, cannot := httpClient.(following)
					switch {
					case err == nil:
						t.Errorf("%s client, %d to %s: %s is a success", kind, code, to, name)
					case !cannot && s3fault.Status(err) != code:
						t.Errorf("%s client, %d to %s: %s ended with %v", kind, code, to, name, err)
					}
				}
			}
		}
		if _, cannot := httpClient.(following); cannot {
			if !plain.leaked.Load() {
				t.Error("the other server would not notice a token")
			}
			continue
		}
		for _, e := range []*elsewhere{overTLS, plain} {
			if e.heard.Load() > 0 || e.leaked.Load() {
				t.Errorf("the %s client sent %d requests elsewhere, with the token: %v", kind, e.heard.Load(),
					e.leaked.Load())
			}
		}
	}
}

// TestFollowed has an HTTP client that follows a redirect to a successful reply. The reply does not
// answer the signed request.
func TestFollowed(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/there" {
			http.Redirect(w, r, "/there", map[string]int{"GET": 307, "DELETE": 302}[r.Method])
		}
	}))
	defer server.Close()
	client := s3.New(s3.Options{
		BaseEndpoint: &server.URL, UsePathStyle: true, Region: "us-east-1", Credentials: aws.AnonymousCredentials{},
		HTTPClient: following{http.DefaultClient},
	}, s3reply.Guard)
	if _, err := client.GetObject(t.Context(), &s3.GetObjectInput{
		Bucket: aws.String("b"),
		Key:    aws.String("k"),
	}); !errors.Is(err, s3reply.ErrFollowed) {
		t.Errorf("GET ended with %v", err)
	}
	if _, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{
		Bucket: aws.String("b"),
		Key:    aws.String("k"),
	}); !errors.Is(err, s3reply.ErrRedirected) {
		t.Errorf("DELETE ended with %v", err)
	}
}

// TestFollowedCloses: the body of a refused reply is closed. Otherwise its connection would leak.
func TestFollowedCloses(t *testing.T) {
	b := &body{}
	request := &http.Request{Method: http.MethodGet, Response: &http.Response{}}
	response := &smithyhttp.Response{Response: &http.Response{StatusCode: http.StatusOK, Body: b, Request: request}}
	if _, err := reply(t.Context(), t, s3reply.Unfollowed, response, nil); err == nil || !b.closed {
		t.Errorf("it ended with %v, the body was closed: %v", err, b.closed)
	}
}

// TestConnectionsAreKept: several guarded calls of a client share a connection, as with the SDK's
// own HTTP client.
func TestConnectionsAreKept(t *testing.T) {
	for kind, httpClient := range clients(x509.NewCertPool()) {
		var opened atomic.Int64
		server := httptest.NewUnstartedServer(http.NotFoundHandler())
		server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				opened.Add(1)
			}
		}
		server.Start()
		client := s3.New(s3.Options{
			BaseEndpoint: &server.URL, UsePathStyle: true, Region: "us-east-1", Credentials: aws.AnonymousCredentials{},
			HTTPClient: httpClient,
		})
		for range 3 {
			if _, err := client.ListBuckets(t.Context(), nil,
				s3reply.Guard); s3fault.Status(err) != http.StatusNotFound {
				t.Errorf("%s client: %v", kind, err)
			}
		}
		if n := opened.Load(); n != 1 {
			t.Errorf("the %s client opened %d connections", kind, n)
		}
		server.Close()
	}
}

// TestEndpoint has an endpoint that the SDK's error would show.
func TestEndpoint(t *testing.T) {
	client := s3.New(s3.Options{
		BaseEndpoint: aws.String("http://us er:" + canary + "@host%zz/"), UsePathStyle: true, Region: "us-east-1",
		Credentials: aws.AnonymousCredentials{},
	}, s3reply.Guard)
	_, err := client.ListBuckets(t.Context(), nil)
	if err == nil || strings.Contains(err.Error(), canary) {
		t.Errorf("the error is %v", err)
	}
}
