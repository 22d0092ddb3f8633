package s3test_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/millweir/millweir/s3test"
)

// customer is a key with the headers of SSE-C. The zero value has none.
type customer struct{ algorithm, key, md5 *string }

func newCustomer(letter string) customer {
	key := bytes.Repeat([]byte(letter), 32)
	sum := md5.Sum(key)
	return customer{
		aws.String("AES256"), aws.String(base64.StdEncoding.EncodeToString(key)),
		aws.String(base64.StdEncoding.EncodeToString(sum[:])),
	}
}

// TestCustomerKey has the rules of SSE-C: which key each request must have.
func TestCustomerKey(t *testing.T) {
	server, client := setUp(t, &s3test.Options{TLS: true})
	o := client.Options()
	o.HTTPClient = server.HTTPClient()
	client = s3.New(o)
	ctx, b, mine, other, none := t.Context(), aws.String("b"), newCustomer("a"), newCustomer("b"), customer{}
	put := func(key string, c customer) error {
		out, err := client.PutObject(ctx, &s3.PutObjectInput{
			Bucket: b, Key: &key, Body: strings.NewReader("text"),
			SSECustomerAlgorithm: c.algorithm, SSECustomerKey: c.key, SSECustomerKeyMD5: c.md5,
		})
		if err == nil && aws.ToString(out.SSECustomerKeyMD5) != aws.ToString(c.md5) {
			t.Errorf("%s: the put is answered with the key %v", key, out.SSECustomerKeyMD5)
		}
		return err
	}
	get := func(key string, c customer) error {
		_, err := client.GetObject(ctx, &s3.GetObjectInput{
			Bucket: b, Key: &key, SSECustomerAlgorithm: c.algorithm, SSECustomerKey: c.key, SSECustomerKeyMD5: c.md5,
		})
		return err
	}
	head := func(key string, c customer) error {
		_, err := client.HeadObject(ctx, &s3.HeadObjectInput{
			Bucket: b, Key: &key, SSECustomerAlgorithm: c.algorithm, SSECustomerKey: c.key, SSECustomerKeyMD5: c.md5,
		})
		return err
	}
	if err := put("mine", mine); err != nil {
		t.Fatal(err)
	}
	if err := put("plain", none); err != nil {
		t.Fatal(err)
	}
	if tag := server.Object("b", "mine").ETag; tag == server.Object("b", "plain").ETag {
		t.Error("the ETag is the MD5 of the bytes")
	}
	broken := mine
	broken.md5 = other.md5
	short := customer{mine.algorithm, aws.String("c2hvcnQ="), mine.md5}
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"get, right":         {get("mine", mine), "<nil>"},
		"get, none":          {get("mine", none), "InvalidRequest"},
		"get, another":       {get("mine", other), "AccessDenied"},
		"get, not encrypted": {get("plain", mine), "InvalidRequest"},
		"head, right":        {head("mine", mine), "<nil>"},
		"head, none":         {head("mine", none), "BadRequest"},
		"head, another":      {head("mine", other), "Forbidden"},
		"a wrong MD5":        {put("k", broken), "InvalidArgument"},
		"a short key":        {put("k", short), "InvalidArgument"},
		"no key":             {put("k", customer{algorithm: mine.algorithm}), "InvalidArgument"},
		"no algorithm":       {put("k", customer{key: mine.key, md5: mine.md5}), "InvalidEncryptionAlgorithmError"},
		"a missing object":   {get("nothing", mine), "NoSuchKey"},
	} {
		if got := codeOf(tt.err); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
	if server.Object("b", "mine").Header.Get("X-Amz-Server-Side-Encryption-Customer-Key") != "" {
		t.Error("the server keeps the key")
	}
}

// TestCustomerKeyOfParts has the rules of SSE-C for multipart uploads.
func TestCustomerKeyOfParts(t *testing.T) {
	server, client := setUp(t, &s3test.Options{TLS: true, MinPartSize: -1})
	o := client.Options()
	o.HTTPClient = server.HTTPClient()
	client = s3.New(o)
	ctx, b, k, mine, other, none := t.Context(), aws.String("b"), aws.String("k"), newCustomer("a"), newCustomer("b"),
		customer{}
	for _, sums := range []types.ChecksumAlgorithm{"", types.ChecksumAlgorithmCrc64nvme} {
		up, err := client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
			Bucket: b, Key: k, ChecksumAlgorithm: sums,
			SSECustomerAlgorithm: mine.algorithm, SSECustomerKey: mine.key, SSECustomerKeyMD5: mine.md5,
		})
		if err != nil || aws.ToString(up.SSECustomerKeyMD5) != *mine.md5 {
			t.Fatal(up, err)
		}
		var etag *string
		send := func(c customer) error {
			out, err := client.UploadPart(ctx, &s3.UploadPartInput{
				Bucket: b, Key: k, UploadId: up.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("text"),
				SSECustomerAlgorithm: c.algorithm, SSECustomerKey: c.key, SSECustomerKeyMD5: c.md5,
			})
			if err == nil {
				etag = out.ETag
			}
			return err
		}
		list := func(c customer) error {
			_, err := client.ListParts(ctx, &s3.ListPartsInput{
				Bucket: b, Key: k, UploadId: up.UploadId,
				SSECustomerAlgorithm: c.algorithm, SSECustomerKey: c.key, SSECustomerKeyMD5: c.md5,
			})
			return err
		}
		complete := func(c customer) error {
			_, err := client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
				Bucket: b, Key: k, UploadId: up.UploadId,
				MultipartUpload: &types.CompletedMultipartUpload{
					Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: etag}},
				},
				SSECustomerAlgorithm: c.algorithm, SSECustomerKey: c.key, SSECustomerKeyMD5: c.md5,
			})
			return err
		}
		needed := map[bool]string{false: "<nil>", true: "InvalidRequest"}[sums != ""]
		for _, tt := range []struct {
			name string
			err  error
			want string
		}{
			{"part, none", send(none), "InvalidRequest"},
			{"part, another", send(other), "InvalidRequest"},
			{"part, right", send(mine), "<nil>"},
			{"list, none", list(none), needed},
			{"list, another", list(other), "InvalidRequest"},
			{"list, right", list(mine), "<nil>"},
			{"complete, another", complete(other), "InvalidRequest"},
			{"complete, right", complete(mine), "<nil>"},
		} {
			if got := codeOf(tt.err); got != tt.want {
				t.Errorf("checksum %q: %s: %s, want %s", sums, tt.name, got, tt.want)
			}
		}
	}
}

// TestCustomerKeyOverHTTP: as Amazon S3, the server refuses a key that comes over http.
func TestCustomerKeyOverHTTP(t *testing.T) {
	_, client := setUp(t, nil)
	c := newCustomer("a")
	_, err := client.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String("b"), Key: aws.String("k"), Body: strings.NewReader("text"),
		SSECustomerAlgorithm: c.algorithm, SSECustomerKey: c.key, SSECustomerKeyMD5: c.md5,
	})
	if codeOf(err) != "InvalidRequest" || !strings.Contains(err.Error(), "secure connection") {
		t.Errorf("the error is %v", err)
	}
}
