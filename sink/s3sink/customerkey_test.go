package s3sink_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/internal/s3key"
	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

// newCustomerKey returns a key of SSE-C.
func newCustomerKey() []byte { return bytes.Repeat([]byte("SSE-C key"), 4)[:32] }

// newKeyServer returns a server with https and the bucket, and a client for it.
func newKeyServer(t *testing.T, service s3test.Service) (*s3test.Server, *s3.Client) {
	t.Helper()
	server := s3test.New(&s3test.Options{MinPartSize: -1, TLS: true, Service: service})
	t.Cleanup(server.Close)
	server.CreateBucket(bucket)
	return server, newClient(server.URL, func(o *s3.Options) { o.HTTPClient = server.HTTPClient() })
}

// TestCustomerKey: every request but the abort has the key, and no object is stored without it.
func TestCustomerKey(t *testing.T) {
	raw := newCustomerKey()
	for _, sum := range []s3sink.Checksum{s3sink.ChecksumAuto, s3sink.ChecksumMD5, s3sink.ChecksumNone} {
		for _, size := range []int{0, 50, 350} {
			t.Run(fmt.Sprint(sum, size), func(t *testing.T) {
				server, client := newKeyServer(t, s3test.AmazonS3)
				given := bytes.Clone(raw)
				sink := s3sink.UploadWithin(10_000, client, bucket, key,
					small(s3sink.UploadOptions{CustomerKey: given, Checksum: sum, IfAbsent: true}))
				clear(given) // it belongs to the caller
				server.Fault(s3test.Fault{Op: "CompleteMultipartUpload", Times: 3, After: s3test.Lose})
				data := random(size)
				obj, err := stream.Run(t.Context(), chunks(data, 30), sink)
				if err != nil {
					t.Fatal(err)
				}
				expectStored(t, server, data, obj)
				for _, r := range server.Requests() {
					want := base64.StdEncoding.EncodeToString(raw)
					if r.Op == "AbortMultipartUpload" {
						want = ""
					}
					if got := r.Header.Get(s3key.HeaderKey); got != want {
						t.Errorf("%s has the key %q", r.Op, got)
					}
				}
				if server.Object(bucket, key).Header.Get(s3key.HeaderMD5) == "" {
					t.Error("the object is not encrypted")
				}
			})
		}
	}
}

// TestCustomerKeyIgnored: a service that ignores the key is found out before there is an object.
func TestCustomerKeyIgnored(t *testing.T) {
	for _, size := range []int{0, 50, 350} {
		server, client := newKeyServer(t, s3test.VersityGW)
		_, err := stream.Run(t.Context(), chunks(random(size), 30), s3sink.UploadWithin(10_000, client, bucket, key,
			small(s3sink.UploadOptions{CustomerKey: newCustomerKey()})))
		if !errors.Is(err, s3sink.ErrNotEncrypted) {
			t.Errorf("%d bytes: %v", size, err)
		}
		expectNothing(t, server)
	}
}

// TestCustomerKeyOfParts: a service that confirms the key only with the parts, as MinIO does, is
// accepted. One that confirms another key is not.
func TestCustomerKeyOfParts(t *testing.T) {
	forget := func(_ *s3test.Request, r *s3test.Reply) {
		r.Header.Del(s3key.HeaderAlgorithm)
		r.Header.Del(s3key.HeaderMD5)
	}
	other := func(_ *s3test.Request, r *s3test.Reply) { r.Header.Set(s3key.HeaderMD5, "AAAA") }
	for name, tt := range map[string]struct {
		create, part func(*s3test.Request, *s3test.Reply)
		want         error
	}{
		"only with the parts":  {forget, nil, nil},
		"never":                {forget, forget, s3sink.ErrNotEncrypted},
		"another key":          {other, other, s3sink.ErrNotEncrypted},
		"another key at first": {other, nil, nil},
	} {
		server, client := newKeyServer(t, s3test.AmazonS3)
		server.Fault(s3test.Fault{Op: "CreateMultipartUpload", Times: always, After: tt.create})
		if tt.part != nil {
			server.Fault(s3test.Fault{Op: "UploadPart", Times: always, After: tt.part})
		}
		_, err := stream.Run(t.Context(), chunks(random(350), 30), s3sink.UploadWithin(10_000, client, bucket, key,
			small(s3sink.UploadOptions{CustomerKey: newCustomerKey()})))
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
		if tt.want != nil {
			expectNothing(t, server)
		}
	}
}

// TestCustomerKeyOfAnother: with a key, an object of another writer that has another key, or none,
// is found too.
func TestCustomerKeyOfAnother(t *testing.T) {
	for name, other := range map[string][]byte{"none": nil, "another": bytes.Repeat([]byte("x"), 32)} {
		for _, size := range []int{50, 350} {
			server, client := newKeyServer(t, s3test.AmazonS3)
			store := func(key2 []byte, n int) error {
				_, err := stream.Run(t.Context(), chunks(random(n), 30), s3sink.UploadWithin(10_000, client, bucket,
					key, small(s3sink.UploadOptions{CustomerKey: key2, IfAbsent: true})))
				return err
			}
			if err := store(other, 7); err != nil {
				t.Fatal(err)
			}
			begun := server.Count("CreateMultipartUpload")
			if err := store(newCustomerKey(), size); !errors.Is(err, s3sink.ErrExists) {
				t.Errorf("%s, %d bytes: %v", name, size, err)
			}
			if seen := server.Count("CreateMultipartUpload") == begun; other == nil && !seen {
				t.Errorf("%d bytes: an object without a key is found only at the end", size)
			}
			if u := server.Uploads(bucket); len(u) > 0 {
				t.Errorf("%s, %d bytes: uploads are pending: %v", name, size, u)
			}
		}
	}
}

// TestCustomerKeyResumed: a resumed upload needs the key of the first run.
func TestCustomerKeyResumed(t *testing.T) {
	for _, same := range []bool{true, false} {
		server, client := newKeyServer(t, s3test.AmazonS3)
		data := random(950)
		run := func(opts s3sink.UploadOptions) (s3sink.Object, error) {
			return stream.Run(t.Context(), chunks(data, 30), s3sink.UploadWithin(10_000, client, bucket, key,
				small(opts)))
		}
		server.Fault(s3test.Fault{
			Op: "CompleteMultipartUpload", Times: always, Before: s3test.Fail(403, "AccessDenied"),
		})
		var from s3sink.Checkpoint
		_, err := run(s3sink.UploadOptions{
			CustomerKey: newCustomerKey(), KeepUpload: true,
			OnPart: func(p s3sink.Part) {
				from = p.Checkpoint
			},
		})
		if err == nil || from.UploadID == "" {
			t.Fatal(err)
		}
		server.ClearFaults()
		second := newCustomerKey()
		if !same {
			second = bytes.Repeat([]byte("x"), 32)
		}
		obj, err := run(s3sink.UploadOptions{CustomerKey: second, Resume: &from})
		if (err == nil) != same {
			t.Errorf("the same key: %v, the error is %v", same, err)
		}
		if same {
			expectStored(t, server, data, obj)
		} else {
			expectNothing(t, server)
		}
	}
}

// TestCustomerKeyRefused: a key that cannot be used is an error before the first byte.
func TestCustomerKeyRefused(t *testing.T) {
	server, https := newKeyServer(t, s3test.AmazonS3)
	plain, http := newServer(t, anyParts)
	for name, tt := range map[string]struct {
		client s3sink.API
		opts   s3sink.UploadOptions
		names  string
	}{
		"http":    {http, s3sink.UploadOptions{CustomerKey: newCustomerKey()}, "https"},
		"short":   {https, s3sink.UploadOptions{CustomerKey: newCustomerKey()[:31]}, "31 bytes, want 32"},
		"long":    {https, s3sink.UploadOptions{CustomerKey: make([]byte, 33)}, "33 bytes, want 32"},
		"empty":   {https, s3sink.UploadOptions{CustomerKey: []byte{}}, "0 bytes, want 32"},
		"and KMS": {https, s3sink.UploadOptions{CustomerKey: newCustomerKey(), ServerSideEncryption: "aws:kms"}, "one"},
	} {
		_, err := stream.Run(t.Context(), unread(t), s3sink.UploadWithin(10_000, tt.client, bucket, key,
			small(tt.opts)))
		if stream.ClassOf(err) != stream.Fatal || !strings.Contains(fmt.Sprint(err), tt.names) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The endpoint of a client that hides its options is seen when a request is sent.
	_, err := stream.Run(t.Context(), chunks(random(350), 30), s3sink.UploadWithin(10_000, hiddenClient{http}, bucket,
		key, small(s3sink.UploadOptions{CustomerKey: newCustomerKey()})))
	if !errors.Is(err, s3key.ErrInsecure) || stream.ClassOf(err) != stream.Fatal {
		t.Errorf("another client: %v", err)
	}
	if n := len(server.Requests()) + len(plain.Requests()); n > 0 {
		t.Errorf("%d requests", n)
	}
}

// hiddenClient has no method Options.
type hiddenClient struct{ s3sink.API }

// unread is a source that fails t if it is run.
func unread(t *testing.T) stream.Source[[]byte] {
	return then(chunks(nil, 1), func(context.Context) error {
		t.Error("the source was run")
		return io.EOF
	})
}
