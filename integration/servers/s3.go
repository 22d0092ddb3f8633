package servers

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// The credentials and the region of every S3 server here.
const (
	AccessKey = "millweirtest"
	SecretKey = "millweirtestsecret" //nolint:gosec // of a test server on the loopback
	Region    = "us-east-1"
)

// S3 is a server that speaks Amazon S3's protocol.
type S3 struct {
	server
}

// Endpoint returns the base URL.
func (s *S3) Endpoint() string { return "http://" + s.Addr() }

// Env returns the environment that points the AWS tools and SDKs at the server, KEY=VALUE each, and
// makes them ignore the user's files. The environment to which the caller adds it must have no AWS
// variables.
func (s *S3) Env() []string { return Env(s.Endpoint()) }

// Env is [S3.Env] for another endpoint: a proxy in front of the server.
func Env(endpoint string) []string {
	return []string{
		"AWS_ACCESS_KEY_ID=" + AccessKey,
		"AWS_SECRET_ACCESS_KEY=" + SecretKey,
		"AWS_REGION=" + Region,
		"AWS_DEFAULT_REGION=" + Region,
		"AWS_ENDPOINT_URL_S3=" + endpoint,
		"AWS_EC2_METADATA_DISABLED=true",
		"AWS_CONFIG_FILE=/nonexistent",
		"AWS_SHARED_CREDENTIALS_FILE=/nonexistent",
	}
}

// Client returns a client whose connections are closed when the test ends.
func (s *S3) Client(t testing.TB, opts ...func(*s3.Options)) *s3.Client {
	return Client(t, s.Endpoint(), opts...)
}

// Client is [S3.Client] for another endpoint: a proxy in front of the server.
func Client(t testing.TB, endpoint string, opts ...func(*s3.Options)) *s3.Client {
	t.Helper()
	tr := http.DefaultTransport.(*http.Transport).Clone()
	tr.Proxy = nil
	t.Cleanup(tr.CloseIdleConnections)
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(endpoint),
		Region:       Region,
		UsePathStyle: true,
		Credentials:  credentials.NewStaticCredentialsProvider(AccessKey, SecretKey, ""),
		HTTPClient:   &http.Client{Transport: tr},
	}, opts...)
}

// Bucket returns a new bucket that only this test uses.
func (s *S3) Bucket(t testing.TB) string {
	t.Helper()
	name := BucketName(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := s.Client(t).CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
	return name
}

// Keys returns the keys of the objects in the bucket.
func (s *S3) Keys(t testing.TB, bucket string) []string {
	t.Helper()
	var keys []string
	pages := s3.NewListObjectsV2Paginator(s.Client(t), &s3.ListObjectsV2Input{Bucket: &bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			keys = append(keys, *o.Key)
		}
	}
	return keys
}

// Uploads returns the ids of the pending multipart uploads to key.
func (s *S3) Uploads(t testing.TB, bucket, key string) []string {
	t.Helper()
	// MinIO lists by exact key only; versitygw by any prefix.
	out, err := s.Client(t).ListMultipartUploads(t.Context(),
		&s3.ListMultipartUploadsInput{Bucket: &bucket, Prefix: &key})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, u := range out.Uploads {
		if *u.Key == key {
			ids = append(ids, *u.UploadId)
		}
	}
	return ids
}

// Nothing fails the test when the bucket has an object, or a pending upload to key.
func (s *S3) Nothing(t testing.TB, bucket, key string) {
	t.Helper()
	if keys := s.Keys(t, bucket); len(keys) > 0 {
		t.Errorf("the bucket has objects: %s", strings.Join(keys, ", "))
	}
	if ids := s.Uploads(t, bucket, key); len(ids) > 0 {
		t.Errorf("%d uploads to %s are pending", len(ids), key)
	}
}

// answers returns nil when url is answered with one of the status codes.
func answers(ctx context.Context, url string, codes ...int) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	tr := &http.Transport{DisableKeepAlives: true}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	for _, c := range codes {
		if resp.StatusCode == c {
			return nil
		}
	}
	return &statusError{url, resp.Status}
}

type statusError struct{ url, status string }

func (e *statusError) Error() string { return e.url + ": " + e.status }

// BucketName returns the name for a bucket that only this test uses.
func BucketName(t testing.TB) string { return unique(t, "-", 50) }
