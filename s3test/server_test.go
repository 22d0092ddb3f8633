package s3test_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/millweir/millweir/s3test"
)

func setUp(t *testing.T, opts *s3test.Options) (*s3test.Server, *s3.Client) {
	t.Helper()
	server := s3test.New(opts)
	t.Cleanup(server.Close)
	server.CreateBucket("b")
	return server, s3.New(s3.Options{
		BaseEndpoint: &server.URL, Region: "us-east-1", UsePathStyle: true, RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "b"}, nil
		}),
	})
}

func codeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return fmt.Sprint(err)
}

// TestMultipartRules completes uploads that S3 rejects, and one that it accepts.
func TestMultipartRules(t *testing.T) {
	p := aws.String
	part := func(n int32, etag string) types.CompletedPart {
		return types.CompletedPart{PartNumber: aws.Int32(n), ETag: &etag}
	}
	for _, tt := range []struct {
		name  string
		sizes []int
		list  func(etags []string) []types.CompletedPart
		edit  func(*s3.CompleteMultipartUploadInput)
		want  string // the error code
	}{
		{name: "right", sizes: []int{5 << 20, 1}},
		{name: "a short part within", sizes: []int{5<<20 - 1, 1}, want: "EntityTooSmall"},
		{
			name: "wrong order", sizes: []int{5 << 20, 5 << 20}, want: "InvalidPartOrder",
			list: func(e []string) []types.CompletedPart { return []types.CompletedPart{part(2, e[1]), part(1, e[0])} },
		},
		{
			name: "wrong ETag", sizes: []int{5 << 20, 1}, want: "InvalidPart",
			list: func(e []string) []types.CompletedPart { return []types.CompletedPart{part(1, e[1]), part(2, e[0])} },
		},
		{
			name: "a part that was not sent", sizes: []int{1}, want: "InvalidPart",
			list: func(e []string) []types.CompletedPart { return []types.CompletedPart{part(7, e[0])} },
		},
		{
			name: "a checksum that was not announced", sizes: []int{1}, want: "InvalidPart",
			list: func(e []string) []types.CompletedPart {
				return []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: &e[0], ChecksumCRC32: p("AAAAAA==")}}
			},
		},
		{
			name: "another size", sizes: []int{1}, want: "InvalidRequest",
			edit: func(in *s3.CompleteMultipartUploadInput) { in.MpuObjectSize = aws.Int64(2) },
		},
		{name: "nothing", want: "MalformedXML"},
		{
			name: "another upload", sizes: []int{1}, want: "NoSuchUpload",
			edit: func(in *s3.CompleteMultipartUploadInput) { in.UploadId = p("other") },
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server, client := setUp(t, nil)
			up, err := client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{
				Bucket: p("b"),
				Key:    p("k"),
			})
			if err != nil {
				t.Fatal(err)
			}
			in := &s3.CompleteMultipartUploadInput{
				Bucket: p("b"), Key: p("k"), UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{},
			}
			var etags []string
			for i, n := range tt.sizes {
				out, err := client.UploadPart(t.Context(), &s3.UploadPartInput{
					Bucket: p("b"), Key: p("k"), UploadId: up.UploadId, PartNumber: aws.Int32(int32(i + 1)),
					Body: bytes.NewReader(make([]byte, n)),
				})
				if err != nil {
					t.Fatal(err)
				}
				etags = append(etags, *out.ETag)
				in.MultipartUpload.Parts = append(in.MultipartUpload.Parts, part(int32(i+1), *out.ETag))
			}
			if tt.list != nil {
				in.MultipartUpload.Parts = tt.list(etags)
			}
			if tt.edit != nil {
				tt.edit(in)
			}
			_, err = client.CompleteMultipartUpload(t.Context(), in)
			if (tt.want == "") != (err == nil) || err != nil && codeOf(err) != tt.want {
				t.Errorf("the error is %v, want %q", err, tt.want)
			}
			if (server.Object("b", "k") != nil) != (tt.want == "") ||
				(len(server.Uploads("b")) == 0) != (tt.want == "") {
				t.Errorf("object %v, uploads %v", server.Object("b", "k"), server.Uploads("b"))
			}
		})
	}
}

func TestObjects(t *testing.T) {
	_, client := setUp(t, nil)
	p := aws.String
	put := func(body string, edit func(*s3.PutObjectInput)) string {
		in := &s3.PutObjectInput{Bucket: p("b"), Key: p("k"), Body: bytes.NewReader([]byte(body))}
		edit(in)
		_, err := client.PutObject(t.Context(), in)
		return codeOf(err)
	}
	if got := put("x", func(in *s3.PutObjectInput) { in.ChecksumCRC32 = p("AAAAAA==") }); got != "BadDigest" {
		t.Errorf("a wrong checksum: %s", got)
	}
	if got := put("0123456789", func(in *s3.PutObjectInput) {
		in.IfNoneMatch = p("*")
		in.Metadata = map[string]string{"a": "b"}
	}); got != "<nil>" {
		t.Errorf("put: %s", got)
	}
	if got := put("x", func(in *s3.PutObjectInput) { in.IfNoneMatch = p("*") }); got != "PreconditionFailed" {
		t.Errorf("put again: %s", got)
	}
	for rng, want := range map[string]string{
		"": "0123456789", "bytes=0-": "0123456789", "bytes=3-5": "345", "bytes=8-99": "89", "bytes=-2": "89",
		"bytes=9-9": "9",
		"bytes=10-": "InvalidRange", "bytes=5-3": "InvalidRange",
	} {
		in := &s3.GetObjectInput{Bucket: p("b"), Key: p("k")}
		if rng != "" {
			in.Range = &rng
		}
		out, err := client.GetObject(t.Context(), in)
		got := codeOf(err)
		if err == nil {
			body, err := io.ReadAll(out.Body)
			if err != nil || out.Metadata["a"] != "b" {
				t.Errorf("%s: %v %v", rng, err, out.Metadata)
			}
			got = string(body)
		}
		if got != want {
			t.Errorf("%s: %s, want %s", rng, got, want)
		}
	}
	if _, err := client.GetObject(t.Context(), &s3.GetObjectInput{
		Bucket: p("b"), Key: p("k"),
		IfMatch: p(`"x"`),
	}); codeOf(err) != "PreconditionFailed" {
		t.Errorf("If-Match: %v", err)
	}
	if _, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: p("b"), Key: p("k")}); err != nil {
		t.Error(err)
	}
	if _, err := client.HeadObject(t.Context(), &s3.HeadObjectInput{
		Bucket: p("b"),
		Key:    p("k"),
	}); codeOf(err) != "NotFound" {
		t.Errorf("deleted: %v", err)
	}
}

// TestUnknown: the server rejects requests that it does not support, and parameters that it would
// ignore.
func TestUnknown(t *testing.T) {
	server, client := setUp(t, nil)
	server.Put("b", "k", []byte("text"))
	ctx, b, k := t.Context(), aws.String("b"), aws.String("k")
	for name, ask := range map[string]func() error{
		"copy": func() error {
			_, err := client.CopyObject(ctx, &s3.CopyObjectInput{Bucket: b, Key: k, CopySource: aws.String("b/other")})
			return err
		},
		"tagging": func() error {
			_, err := client.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{
				Bucket: b, Key: k,
				Tagging: &types.Tagging{TagSet: []types.Tag{}},
			})
			return err
		},
		"acl": func() error {
			_, err := client.GetObjectAcl(ctx, &s3.GetObjectAclInput{Bucket: b, Key: k})
			return err
		},
		"a condition of a put": func() error {
			_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: b, Key: k, IfMatch: aws.String("x")})
			return err
		},
		"a condition of a get": func() error {
			_, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: b, Key: k, IfNoneMatch: aws.String("x")})
			return err
		},
		"a range of a part": func() error {
			_, err := client.GetObject(ctx, &s3.GetObjectInput{
				Bucket: b, Key: k, PartNumber: aws.Int32(1), Range: aws.String("bytes=0-0"),
			})
			return err
		},
		"uploads with a delimiter": func() error {
			_, err := client.ListMultipartUploads(ctx,
				&s3.ListMultipartUploadsInput{Bucket: b, Delimiter: aws.String("/")})
			return err
		},
		"the older list": func() error {
			_, err := client.ListObjects(ctx, &s3.ListObjectsInput{Bucket: b})
			return err
		},
		"a customer's key": func() error {
			_, err := client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: b}, s3.WithAPIOptions(
				smithyhttp.AddHeaderValue("X-Amz-Server-Side-Encryption-Customer-Algorithm", "AES256")))
			return err
		},
	} {
		if err := ask(); err == nil || name != "a customer's key" && codeOf(err) != "NotImplemented" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := string(server.Object("b", "k").Body); got != "text" {
		t.Errorf("the object is %q now", got)
	}
}

// TestMistakes: a method that gets an unknown bucket or upload panics with its name.
func TestMistakes(t *testing.T) {
	server, _ := setUp(t, nil)
	for name, ask := range map[string]func(){
		"bucket": func() { server.Object("none", "k") },
		"upload": func() { server.Age("b", "none", 1) },
	} {
		func() {
			defer func() {
				if text := fmt.Sprint(recover()); !strings.Contains(text, "none") {
					t.Errorf("%s: %s", name, text)
				}
			}()
			ask()
		}()
	}
	server.Close()
	server.Close()
}

func TestList(t *testing.T) {
	server, client := setUp(t, nil)
	for i := range 25 {
		server.Put("b", fmt.Sprintf("dir/%02d", i), []byte("x"))
	}
	server.Put("b", "other", nil)
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{
		Bucket: aws.String("b"),
		Prefix: aws.String("dir/"), MaxKeys: aws.Int32(10),
	})
	var keys []string
	n := 0
	for ; pages.HasMorePages(); n++ {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			keys = append(keys, *o.Key)
		}
	}
	if n != 3 || len(keys) != 25 || keys[0] != "dir/00" || keys[24] != "dir/24" {
		t.Errorf("%d pages, keys %v", n, keys)
	}
}
