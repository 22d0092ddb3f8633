package s3test_test

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/millweir/millweir/s3test"
)

// multipart uploads parts of the given sizes, and returns the error of the first request that
// fails.
func multipart(ctx context.Context, client *s3.Client, key string, algorithm types.ChecksumAlgorithm,
	sizes ...int,
) (uploadID *string, err error) {
	b := aws.String("b")
	up, err := client.CreateMultipartUpload(ctx,
		&s3.CreateMultipartUploadInput{Bucket: b, Key: &key, ChecksumAlgorithm: algorithm})
	if err != nil {
		return nil, err
	}
	var list []types.CompletedPart
	for i, n := range sizes {
		part := aws.Int32(int32(i + 1))
		out, err := client.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: b, Key: &key, UploadId: up.UploadId, PartNumber: part, ChecksumAlgorithm: algorithm,
			Body: bytes.NewReader(make([]byte, n)),
		})
		if err != nil {
			return up.UploadId, err
		}
		list = append(list, types.CompletedPart{PartNumber: part, ETag: out.ETag, ChecksumCRC32: out.ChecksumCRC32})
	}
	_, err = client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: b, Key: &key, UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: list},
	})
	return up.UploadId, err
}

// TestServices has the requests whose outcome differs between services.
func TestServices(t *testing.T) {
	wants := map[s3test.Service]map[string]string{ // the error codes that are not nil
		s3test.BackblazeB2: {
			"checksum": "InvalidArgument", "mode": "InvalidArgument",
			"parts with a checksum": "InvalidArgument",
		},
		s3test.GoogleCloud:  {},
		s3test.Scaleway:     {"part 1001": "InvalidArgument"},
		s3test.CloudflareR2: {"growing parts": "InvalidPart"},
	}
	for _, service := range s3test.Services() {
		_, client := setUp(t, &s3test.Options{Service: service, MinPartSize: -1})
		if service == s3test.GoogleCloud {
			if _, err := client.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: aws.String("b")}); err == nil {
				t.Error("Google Cloud accepts a signed Accept-Encoding")
			}
			o := client.Options()
			o.Credentials = aws.AnonymousCredentials{} // nothing is signed
			client = s3.New(o)
		}
		ctx, b, k := t.Context(), aws.String("b"), aws.String("k")
		for name, ask := range map[string]func() error{
			"put": func() error {
				_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: b, Key: k, Body: strings.NewReader("text")})
				return err
			},
			"checksum": func() error {
				_, err := client.PutObject(ctx, &s3.PutObjectInput{
					Bucket: b, Key: aws.String("sum"), Body: strings.NewReader("text"), ChecksumAlgorithm: "CRC32",
				})
				return err
			},
			"mode": func() error {
				_, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: b, Key: k, ChecksumMode: "ENABLED"})
				if service == s3test.BackblazeB2 && err != nil && strings.Contains(err.Error(), "400") {
					return errB2 // a HEAD has no body, and so no code
				}
				return err
			},
			"parts": func() error {
				_, err := multipart(ctx, client, "parts", "", 5, 5, 3)
				return err
			},
			"parts with a checksum": func() error {
				_, err := multipart(ctx, client, "sums", "CRC32", 5, 5, 3)
				return err
			},
			"growing parts": func() error {
				_, err := multipart(ctx, client, "growing", "", 5, 6)
				return err
			},
			"part 1001": func() error {
				_, err := client.UploadPart(ctx, &s3.UploadPartInput{
					Bucket: b, Key: k, UploadId: begin(t, client), PartNumber: aws.Int32(1001),
					Body: strings.NewReader("x"),
				})
				return err
			},
		} {
			if name == "mode" {
				if _, err := client.PutObject(ctx,
					&s3.PutObjectInput{Bucket: b, Key: k, Body: strings.NewReader("text")}); err != nil {
					t.Fatal(err)
				}
			}
			want := wants[service][name]
			if want == "" {
				want = "<nil>"
			}
			if err := ask(); codeOf(err) != want {
				t.Errorf("%v, %s: %v, want %s", service, name, err, want)
			}
		}
	}
}

// errB2 is an error with the code that B2 would send in a body.
var errB2 = &types.ObjectAlreadyInActiveTierError{ErrorCodeOverride: aws.String("InvalidArgument")}

// begin creates a multipart upload.
func begin(t *testing.T, client *s3.Client) *string {
	t.Helper()
	up, err := client.CreateMultipartUpload(t.Context(),
		&s3.CreateMultipartUploadInput{Bucket: aws.String("b"), Key: aws.String("k")})
	if err != nil {
		t.Fatal(err)
	}
	return up.UploadId
}

// TestKeptChecksums: some services do not keep a checksum, so a download cannot compare it.
func TestKeptChecksums(t *testing.T) {
	for _, service := range s3test.Services() {
		server, _ := setUp(t, &s3test.Options{Service: service})
		server.Put("b", "k", []byte("text"))
		req, err := http.NewRequestWithContext(t.Context(), http.MethodHead, server.URL+"/b/k", nil)
		if err != nil {
			t.Fatal(err)
		}
		if service != s3test.BackblazeB2 {
			req.Header.Set("X-Amz-Checksum-Mode", "ENABLED")
		}
		reply, err := server.HTTPClient().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		reply.Body.Close()
		none := service == s3test.BackblazeB2 || service == s3test.GoogleCloud || service == s3test.Ceph
		if got := reply.Header.Get("X-Amz-Checksum-Crc64nvme"); (got == "") != none {
			t.Errorf("%v: the checksum is %q", service, got)
		}
	}
}

// TestMinIOUploads: a prefix lists the uploads of one key only.
func TestMinIOUploads(t *testing.T) {
	for service, want := range map[s3test.Service]int{s3test.AmazonS3: 1, s3test.MinIO: 0} {
		_, client := setUp(t, &s3test.Options{Service: service})
		begin(t, client)
		if _, err := client.CreateMultipartUpload(t.Context(),
			&s3.CreateMultipartUploadInput{Bucket: aws.String("b"), Key: aws.String("dir/key")}); err != nil {
			t.Fatal(err)
		}
		for prefix, want := range map[string]int{"": 2, "dir/": want, "dir/key": 1} {
			out, err := client.ListMultipartUploads(t.Context(),
				&s3.ListMultipartUploadsInput{Bucket: aws.String("b"), Prefix: &prefix})
			if err != nil || len(out.Uploads) != want {
				t.Errorf("%v, prefix %q: %d uploads, %v; want %d", service, prefix, len(out.Uploads), err, want)
			}
		}
	}
}

// TestCompletedTwice: versitygw answers a repeated Complete as the first one.
func TestCompletedTwice(t *testing.T) {
	for service, want := range map[s3test.Service]string{s3test.AmazonS3: "NoSuchUpload", s3test.VersityGW: "<nil>"} {
		_, client := setUp(t, &s3test.Options{Service: service})
		id, err := multipart(t.Context(), client, "k", "", 5)
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{
			Bucket: aws.String("b"), Key: aws.String("k"), UploadId: id,
			MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: aws.Int32(1)}}},
		})
		if codeOf(err) != want {
			t.Errorf("%v: %v, want %s", service, err, want)
		}
	}
}

func TestTLS(t *testing.T) {
	server, client := setUp(t, &s3test.Options{TLS: true})
	if !strings.HasPrefix(server.URL, "https://") {
		t.Errorf("it serves at %s", server.URL)
	}
	o := client.Options()
	o.HTTPClient = server.HTTPClient()
	if _, err := s3.New(o).HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: aws.String("b")}); err != nil {
		t.Error(err)
	}
}

func TestListParts(t *testing.T) {
	_, client := setUp(t, nil)
	id := begin(t, client)
	in := &s3.ListPartsInput{Bucket: aws.String("b"), Key: aws.String("k"), UploadId: id, MaxParts: aws.Int32(2)}
	for n := int32(1); n <= 5; n++ {
		if _, err := client.UploadPart(t.Context(), &s3.UploadPartInput{
			Bucket: in.Bucket, Key: in.Key, UploadId: id, PartNumber: &n,
			Body: strings.NewReader(strings.Repeat("x", int(n))),
		}); err != nil {
			t.Fatal(err)
		}
	}
	pages := s3.NewListPartsPaginator(client, in)
	n := 0
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page.Parts {
			if n++; int(*p.PartNumber) != n || int(*p.Size) != n || aws.ToString(p.ETag) == "" {
				t.Errorf("part %d is %+v", n, p)
			}
		}
	}
	if n != 5 {
		t.Errorf("%d parts", n)
	}
}
