package s3sink_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/crc64"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// TestConformance runs the shared suite on streams of one part and of many.
func TestConformance(t *testing.T) {
	for _, size := range []int64{1 << 20, 128} {
		t.Run(fmt.Sprintf("parts of %d", size), func(t *testing.T) {
			server, client := newServer(t, anyParts)
			streamtest.TestSink(t, streamtest.Sink[[]byte, s3sink.Object]{
				New: func() stream.Sink[[]byte, s3sink.Object] {
					server.Remove(bucket, key)
					return s3sink.UploadWithin(10_000, client, bucket, key, small(s3sink.UploadOptions{PartSize: size}))
				},
				Published: func() bool { return server.Object(bucket, key) != nil },
				Want: func(t *testing.T, in [][]byte, got s3sink.Object) {
					if !bytes.Equal(server.Object(bucket, got.Key).Body, bytes.Join(in, nil)) {
						t.Error("the object is not the input")
					}
				},
				Bad: []stream.Sink[[]byte, s3sink.Object]{
					s3sink.Upload(client, "", key, nil),
					// parts must have at least 5 MiB
					s3sink.Upload(client, bucket, key, &s3sink.UploadOptions{PartSize: size}),
				},
				RealIO: true,
				Idle:   []string{"net/http.", "internal/poll.", "net."},
			})
			if u := server.Uploads(bucket); len(u) > 0 {
				t.Errorf("uploads are pending: %v", u)
			}
		})
	}
}

// TestSizes stores streams of sizes around every edge of a part, in large chunks and in single
// bytes.
func TestSizes(t *testing.T) {
	const part = 100
	for _, size := range []int{
		0, 1, part - 1, part, part + 1, 2*part - 1, 2 * part, 2*part + 1, 7 * part,
		7*part + 13,
	} {
		for _, chunk := range []int{1, 7, part, 10 * part} {
			for _, parallel := range []int{1, 4} {
				t.Run(fmt.Sprintf("%d by %d, %d parallel", size, chunk, parallel), func(t *testing.T) {
					server, client := newServer(t, anyParts)
					data := random(size)
					obj, err := stream.Run(t.Context(), chunks(data, chunk),
						s3sink.UploadWithin(10_000, client, bucket, key,
							small(s3sink.UploadOptions{PartSize: part, Parallelism: parallel})))
					if err != nil {
						t.Fatal(err)
					}
					expectStored(t, server, data, obj)
					parts := 0
					if size > part {
						parts = (size + part - 1) / part
					}
					if obj.Parts != parts || server.Count("UploadPart") != parts {
						t.Errorf("%d parts, %d were sent, want %d", obj.Parts, server.Count("UploadPart"), parts)
					}
					if server.Count("HeadObject") != 0 {
						t.Error("a HEAD was sent though the reply proves the object")
					}
					crc := crc64.Checksum(data, crc64.MakeTable(0x9a6c9329ac4bc9b5))
					want := base64.StdEncoding.EncodeToString([]byte{
						byte(crc >> 56), byte(crc >> 48), byte(crc >> 40), byte(crc >> 32), byte(crc >> 24),
						byte(crc >> 16), byte(crc >> 8), byte(crc),
					})
					if obj.Checksum != want {
						t.Errorf("the checksum is %s, want %s", obj.Checksum, want)
					}
				})
			}
		}
	}
}

// TestRealParts stores parts of the least size that S3 accepts.
func TestRealParts(t *testing.T) {
	server, client := newServer(t, &s3test.Options{Versioned: true})
	data := random(3*5<<20 + 1)
	obj, err := stream.Run(t.Context(), chunks(data, 1<<20), s3sink.Upload(client, bucket, key,
		&s3sink.UploadOptions{PartSize: 5 << 20}))
	if err != nil {
		t.Fatal(err)
	}
	expectStored(t, server, data, obj)
	if obj.Parts != 4 || obj.VersionID == "" || !strings.HasSuffix(obj.Location, "/"+bucket+"/"+key) {
		t.Errorf("the result is %+v", obj)
	}
}

func TestGrowingParts(t *testing.T) {
	server, client := newServer(t, anyParts)
	data := random(5_000) // 20 parts of 100 are 2,000
	obj, err := stream.Run(t.Context(), chunks(data, 77), s3sink.UploadWithin(20, client, bucket, key,
		small(s3sink.UploadOptions{})))
	if err != nil {
		t.Fatal(err)
	}
	expectStored(t, server, data, obj)
	if obj.Parts > 20 {
		t.Errorf("%d parts", obj.Parts)
	}

	for _, tt := range []struct {
		size int
		want error
	}{{1_999, nil}, {2_000, nil}, {2_001, s3sink.ErrTooLarge}, {9_000, s3sink.ErrTooLarge}} {
		server, client := newServer(t, anyParts)
		_, err := stream.Run(t.Context(), chunks(random(tt.size), 77),
			s3sink.UploadWithin(20, client, bucket, key, small(s3sink.UploadOptions{FixedParts: true})))
		if !errors.Is(err, tt.want) {
			t.Errorf("%d bytes: %v, want %v", tt.size, err, tt.want)
		}
		if tt.want != nil {
			expectNothing(t, server)
		}
	}
}

// TestHeaders sends every option, with one request and with parts.
func TestHeaders(t *testing.T) {
	opts := small(s3sink.UploadOptions{
		ContentType: "application/gzip", ContentEncoding: "gzip", ContentDisposition: "attachment",
		CacheControl: "no-store",
		Metadata:     map[string]string{"origin": "orders"}, Tagging: "team=db", StorageClass: "STANDARD_IA",
		ACL:                  "private",
		ServerSideEncryption: "aws:kms", SSEKMSKeyID: "key-1",
	})
	want := map[string]string{
		"Content-Type": "application/gzip", "Content-Encoding": "gzip", "Content-Disposition": "attachment",
		"Cache-Control":     "no-store",
		"X-Amz-Meta-Origin": "orders", "X-Amz-Tagging": "team=db", "X-Amz-Storage-Class": "STANDARD_IA",
		"X-Amz-Acl":                    "private",
		"X-Amz-Server-Side-Encryption": "aws:kms", "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id": "key-1",
	}
	for _, size := range []int{50, 350} {
		server, client := newServer(t, anyParts)
		sink := s3sink.UploadWithin(10_000, client, bucket, key, opts)
		given := *opts
		opts.Metadata["origin"], opts.ContentType = "changed", "changed"
		if _, err := stream.Run(t.Context(), chunks(random(size), 10), sink); err != nil {
			t.Fatal(err)
		}
		*opts = given
		opts.Metadata["origin"] = "orders"
		for k, v := range want {
			if got := server.Object(bucket, key).Header.Get(k); got != v {
				t.Errorf("%d bytes: %s is %q, want %q", size, k, got, v)
			}
		}
	}
	server, client := newServer(t, anyParts)
	if _, err := stream.Run(t.Context(), chunks(nil, 1), s3sink.Upload(client, bucket, key, nil)); err != nil {
		t.Fatal(err)
	}
	if got := server.Object(bucket, key).Header.Get("Content-Type"); got != "application/octet-stream" {
		t.Errorf("Content-Type is %q", got)
	}
}

// TestChecksums checks the request headers, also of clients that add their own checksums.
func TestChecksums(t *testing.T) {
	for _, supported := range []bool{false, true} {
		for _, sum := range []s3sink.Checksum{s3sink.ChecksumAuto, s3sink.ChecksumNone} {
			for _, size := range []int{50, 350} {
				t.Run(fmt.Sprintf("%v/%v/%d", supported, sum, size), func(t *testing.T) {
					server, _ := newServer(t, anyParts)
					client := newClient(server.URL, func(o *s3.Options) {
						if supported {
							o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenSupported
						}
					})
					data := random(size)
					obj, err := stream.Run(t.Context(), chunks(data, 10),
						s3sink.UploadWithin(10_000, client, bucket, key,
							small(s3sink.UploadOptions{Checksum: sum, SignPayload: !supported})))
					if err != nil {
						t.Fatal(err)
					}
					expectStored(t, server, data, obj)
					for _, r := range server.Requests() {
						for h := range r.Header {
							if strings.HasPrefix(h, "X-Amz-Trailer") || sum == s3sink.ChecksumNone &&
								(strings.HasPrefix(h, "X-Amz-Checksum-") || strings.Contains(h, "Sdk-Checksum") ||
									h == "X-Amz-Mp-Object-Size") {
								t.Errorf("%s has %s", r.Op, h)
							}
						}
						body := r.Op == "PutObject" || r.Op == "UploadPart"
						if body && sum == s3sink.ChecksumAuto && r.Header.Get("X-Amz-Checksum-Crc64nvme") == "" {
							t.Errorf("%s has no checksum", r.Op)
						}
						if unsigned := r.Header.Get("X-Amz-Content-Sha256") == "UNSIGNED-PAYLOAD"; body &&
							unsigned != (supported && sum != s3sink.ChecksumNone) {
							t.Errorf("%s is unsigned: %v", r.Op, unsigned)
						}
					}
				})
			}
		}
	}
}

func TestBadSettings(t *testing.T) {
	server, client := newServer(t, nil)
	metadata := func(name, value string) stream.Sink[[]byte, s3sink.Object] {
		return s3sink.Upload(client, bucket, key, &s3sink.UploadOptions{Metadata: map[string]string{name: value}})
	}
	for name, sink := range map[string]stream.Sink[[]byte, s3sink.Object]{
		"nil client":       s3sink.Upload(nil, bucket, key, nil),
		"no bucket":        s3sink.Upload(client, "", key, nil),
		"no key":           s3sink.Upload(client, bucket, "", nil),
		"long key":         s3sink.Upload(client, bucket, strings.Repeat("é", 512)+"k", nil),
		"key of no text":   s3sink.Upload(client, bucket, "caf\xe9", nil),
		"small part":       s3sink.Upload(client, bucket, key, &s3sink.UploadOptions{PartSize: 5<<20 - 1}),
		"large part":       s3sink.Upload(client, bucket, key, &s3sink.UploadOptions{PartSize: 5<<30 + 1}),
		"parallelism":      s3sink.Upload(client, bucket, key, &s3sink.UploadOptions{Parallelism: -1}),
		"much parallelism": s3sink.Upload(client, bucket, key, &s3sink.UploadOptions{Parallelism: 10_001}),
		"checksum":         s3sink.Upload(client, bucket, key, &s3sink.UploadOptions{Checksum: 9}),
		"request timeout":  s3sink.Upload(client, bucket, key, &s3sink.UploadOptions{StallTimeout: -1}),
		"abort timeout":    s3sink.Upload(client, bucket, key, &s3sink.UploadOptions{AbortTimeout: -1}),
		"KMS key, not KMS": s3sink.Upload(client, bucket, key, &s3sink.UploadOptions{SSEKMSKeyID: "k"}),
		"NUL in the key":   s3sink.Upload(client, bucket, "a\x00b", nil),
		"bucket":           s3sink.Upload(client, "a\nb", key, nil),
		"content type":     s3sink.Upload(client, bucket, key, &s3sink.UploadOptions{ContentType: "a\nb"}),
		"cache control":    s3sink.Upload(client, bucket, key, &s3sink.UploadOptions{CacheControl: "no-store "}),
		"tags":             s3sink.Upload(client, bucket, key, &s3sink.UploadOptions{Tagging: "a=%zz"}),
		"many tags": s3sink.Upload(client, bucket, key, &s3sink.UploadOptions{
			Tagging: "a=1&b=1&c=1&d=1&e=1&f=1&g=1&h=1&i=1&j=1&k=1",
		}),
		"name with a space":   metadata("a b", "c"),
		"name with a colon":   metadata("a:b", "c"),
		"name not ASCII":      metadata("é", "c"),
		"empty name":          metadata("", "c"),
		"value with newline":  metadata("a", "b\nc"),
		"value with NUL":      metadata("a", "b\x00c"),
		"value not UTF-8":     metadata("a", "caf\xe9"),
		"value after a blank": metadata("a", " b"),
		"value and a blank":   metadata("a", "b "),
		"much metadata":       metadata("a", strings.Repeat("b", 2048-46)),
	} {
		_, err := stream.Run(t.Context(), stream.SourceFunc[[]byte](func(context.Context, func([]byte) error) error {
			t.Errorf("%s: the source was run", name)
			return nil
		}), sink)
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if n := len(server.Requests()); n > 0 {
		t.Errorf("%d requests", n)
	}
}

// TestNeverSent: a request that the HTTP client does not send is a failure, and not an unknown
// outcome. It is not repeated.
func TestNeverSent(t *testing.T) {
	for _, size := range []int{50, 250} {
		server, _ := newServer(t, anyParts)
		bad := newClient(server.URL, func(o *s3.Options) {
			o.APIOptions = append(o.APIOptions, smithyhttp.SetHeaderValue("X-Bad", "a\nb"))
		})
		server.Put(bucket, key, random(size)) // the same bytes, of another writer
		begin := time.Now()
		_, err := stream.Run(t.Context(), chunks(random(size), 30), s3sink.UploadWithin(10_000, bad, bucket, key,
			small(s3sink.UploadOptions{RetryTimeout: time.Hour})))
		if err == nil || errors.Is(err, s3sink.ErrOutcomeUnknown) || stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%d bytes: %v after %v", size, err, time.Since(begin))
		}
	}
}
