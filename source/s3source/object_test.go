package s3source_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/source/s3source"
)

// TestOnObject: the object reaches the caller once, before the first byte, and the caller may
// refuse it.
func TestOnObject(t *testing.T) {
	server, client := newServer(t, &s3test.Options{Versioned: true})
	out, err := client.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String(bucket), Key: aws.String(key), Body: bytes.NewReader(random(1000)),
		ContentType: aws.String("text/x"), ContentEncoding: aws.String("br"), CacheControl: aws.String("no-store"),
		Metadata: map[string]string{"purpose": "a test"}, StorageClass: "STANDARD_IA",
	})
	if err != nil {
		t.Fatal(err)
	}
	errRefused := errors.New("too big")
	for name, o := range map[string]s3source.DownloadOptions{
		"whole":          {},
		"range":          {Offset: 10, Length: 20},
		"at the end":     {Offset: 1000},
		"parallel":       {Parallelism: 2, PartSize: 100},
		"parallel range": {Parallelism: 2, PartSize: 100, Offset: 10},
	} {
		for _, refusal := range []error{nil, errRefused} {
			server.ClearFaults()
			server.Fault(s3test.Fault{Op: "GetObject", After: s3test.CutAfter(0)})
			var got []s3source.Object
			came := 0
			o.OnObject = func(object s3source.Object) error {
				if came > 0 {
					t.Errorf("%s: %d bytes came before the object", name, came)
				}
				got = append(got, object)
				return refusal
			}
			err := s3source.Download(client, bucket, key, &o).Each(t.Context(), func(p []byte) error {
				came += len(p)
				return nil
			})
			if err != refusal || len(got) != 1 || refusal != nil && came > 0 { //nolint:errorlint // it must be unchanged
				t.Errorf("%s: %v, %d objects, %d bytes", name, err, len(got), came)
				continue
			}
			if g := got[0]; g.Size != 1000 || g.ETag != *out.ETag || g.VersionID != *out.VersionId || g.Key != key ||
				g.LastModified.IsZero() || g.ContentType != "text/x" || g.ContentEncoding != "br" ||
				g.CacheControl != "no-store" || g.Metadata["purpose"] != "a test" || g.StorageClass != "STANDARD_IA" ||
				strings.Contains(name, "range") != (g.Verification.Algorithm == "") && name != "at the end" {
				t.Errorf("%s: the object is %+v", name, g)
			}
		}
	}
}

// TestNoChecksumMode has a service that rejects the header that asks for checksums, as Backblaze B2
// does. The download goes on without it.
func TestNoChecksumMode(t *testing.T) {
	for _, status := range []int{400, 501} {
		for _, parallelism := range []int{1, 2} {
			server, client := newServer(t, nil)
			want := server.Put(bucket, key, random(1000)).Body
			server.Fault(s3test.Fault{Times: always, Before: func(r *s3test.Request) *s3test.Reply {
				if r.Header.Get("X-Amz-Checksum-Mode") == "" {
					return nil
				}
				return s3test.Fail(status, "InvalidArgument")(r)
			}})
			var v s3source.Verification
			got, err := read(t.Context(), s3source.Download(client, bucket, key, &s3source.DownloadOptions{
				Parallelism: parallelism, OnObject: func(o s3source.Object) error { v = o.Verification; return nil },
			}))
			if err != nil || !bytes.Equal(got, want) || v.Algorithm != "MD5" {
				t.Errorf("%d: %d bytes, %v, verified by %+v", status, len(got), err, v)
			}
		}
	}
}
