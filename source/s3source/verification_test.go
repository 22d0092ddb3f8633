package s3source_test

import (
	"bytes"
	"cmp"
	"crypto/md5"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// written is an object as some client writes it.
type written struct {
	algorithm types.ChecksumAlgorithm
	kind      types.ChecksumType
	parts     []int // sizes; none for a PutObject
	metadata  map[string]string
	sse       types.ServerSideEncryption
	without   bool // the service keeps no checksum
}

// store writes data with the SDK.
func (o written) store(t *testing.T, client *s3.Client, data []byte) {
	t.Helper()
	ctx, name, place := t.Context(), aws.String(key), aws.String(bucket)
	if len(o.parts) == 0 {
		if _, err := client.PutObject(ctx, &s3.PutObjectInput{
			Bucket: place, Key: name, Body: bytes.NewReader(data), ChecksumAlgorithm: o.algorithm, Metadata: o.metadata,
			ServerSideEncryption: o.sse,
		}); err != nil {
			t.Fatal(err)
		}
		return
	}
	up, err := client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: place, Key: name, ChecksumAlgorithm: o.algorithm, ChecksumType: o.kind, Metadata: o.metadata,
		ServerSideEncryption: o.sse,
	})
	if err != nil {
		t.Fatal(err)
	}
	var list []types.CompletedPart
	for i, size := range o.parts {
		part := aws.Int32(int32(i + 1))
		out, err := client.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: place, Key: name, UploadId: up.UploadId, PartNumber: part, Body: bytes.NewReader(data[:size]),
			ChecksumAlgorithm: o.algorithm,
		})
		if err != nil {
			t.Fatal(err)
		}
		data = data[size:]
		list = append(list, types.CompletedPart{
			PartNumber: part, ETag: out.ETag, ChecksumCRC32: out.ChecksumCRC32, ChecksumCRC32C: out.ChecksumCRC32C,
			ChecksumCRC64NVME: out.ChecksumCRC64NVME, ChecksumSHA1: out.ChecksumSHA1,
			ChecksumSHA256: out.ChecksumSHA256,
		})
	}
	if _, err := client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: place, Key: name, UploadId: up.UploadId, ChecksumType: o.kind,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: list},
	}); err != nil {
		t.Fatal(err)
	}
}

// TestVerification downloads objects as other clients write them, right and with a flipped bit. The
// comment of a row names a client that writes so by default.
func TestVerification(t *testing.T) {
	data := random(1000)
	sum := md5.Sum(data) //nolint:gosec // as rclone writes it
	equal, unequal := []int{300, 300, 300, 100}, []int{300, 200, 450, 50}
	for name, tt := range map[string]struct {
		object written
		want   s3source.Verification // without the reason
	}{
		"CRC64NVME": {written{algorithm: "CRC64NVME"}, s3source.Verification{Algorithm: "CRC64NVME"}},
		// aws-cli, the SDKs
		"CRC32":               {written{algorithm: "CRC32"}, s3source.Verification{Algorithm: "CRC32"}},
		"CRC32C":              {written{algorithm: "CRC32C"}, s3source.Verification{Algorithm: "CRC32C"}},
		"SHA1":                {written{algorithm: "SHA1"}, s3source.Verification{Algorithm: "SHA1"}},
		"SHA256":              {written{algorithm: "SHA256"}, s3source.Verification{Algorithm: "SHA256"}},
		"ETag":                {written{without: true}, s3source.Verification{Algorithm: "MD5"}}, // rclone, minio-go
		"ETag, SSE-S3":        {written{without: true, sse: "AES256"}, s3source.Verification{Algorithm: "MD5"}},
		"KMS":                 {written{without: true, sse: "aws:kms"}, s3source.Verification{}},
		"KMS with a checksum": {written{algorithm: "SHA1", sse: "aws:kms"}, s3source.Verification{Algorithm: "SHA1"}},
		"parts":               {written{parts: equal}, s3source.Verification{}},
		"parts, MD5 in metadata": { // rclone
			written{parts: equal, metadata: map[string]string{
				"md5chksum": base64.StdEncoding.EncodeToString(sum[:]),
			}}, s3source.Verification{Algorithm: "MD5"},
		},
		"parts, CRC32": { // aws-cli
			written{algorithm: "CRC32", parts: equal}, s3source.Verification{Algorithm: "CRC32", Parts: 4},
		},
		"parts, CRC32C": { // minio-go
			written{algorithm: "CRC32C", parts: equal}, s3source.Verification{Algorithm: "CRC32C", Parts: 4},
		},
		"parts, SHA1": {written{algorithm: "SHA1", parts: equal}, s3source.Verification{Algorithm: "SHA1", Parts: 4}},
		"parts, SHA256": {
			written{algorithm: "SHA256", parts: []int{500, 500}}, s3source.Verification{Algorithm: "SHA256", Parts: 2},
		},
		"parts, not equal": {
			written{algorithm: "SHA256", parts: unequal}, s3source.Verification{Algorithm: "SHA256", Parts: 4},
		},
		"one part": {
			written{algorithm: "SHA256", parts: []int{1000}}, s3source.Verification{Algorithm: "SHA256", Parts: 1},
		},
		"parts, full CRC32": {
			written{algorithm: "CRC32", kind: "FULL_OBJECT", parts: equal}, s3source.Verification{Algorithm: "CRC32"},
		},
		"parts, full CRC64NVME": {
			written{algorithm: "CRC64NVME", kind: "FULL_OBJECT", parts: equal},
			s3source.Verification{Algorithm: "CRC64NVME"},
		},
	} {
		for _, parallelism := range []int{1, 3} {
			for _, flipped := range []bool{false, true} {
				server, client := newServer(t, &s3test.Options{MinPartSize: -1})
				tt.object.store(t, client, data)
				if tt.object.without {
					server.Fault(s3test.Fault{Times: always, After: sumless})
				}
				if flipped {
					server.ClearFaults()
					server.Fault(s3test.Fault{Op: "GetObject", Times: always, After: func(req *s3test.Request, r *s3test.Reply) {
						flip(req, r)
						if tt.object.without {
							sumless(req, r)
						}
					}})
					server.Fault(s3test.Fault{Op: "HeadObject", Times: always, After: func(req *s3test.Request,
						r *s3test.Reply,
					) {
						if tt.object.without {
							sumless(req, r)
						}
					}})
				}
				var object s3source.Object
				got, err := read(t.Context(), s3source.Download(client, bucket, key, &s3source.DownloadOptions{
					Parallelism: parallelism, PartSize: 170, ChunkSize: 77,
					OnObject: func(o s3source.Object) error { object = o; return nil },
				}))
				v := object.Verification
				if (v.Reason == "") != (v.Algorithm != "") {
					t.Errorf("%s: the reason is %q", name, v.Reason)
				}
				if v.Reason = ""; v != tt.want {
					t.Errorf("%s: it says that it compares %+v, want %+v", name, v, tt.want)
				}
				switch detected := errors.Is(err, s3source.ErrChecksum); {
				case flipped && v.Algorithm != "" && !detected:
					t.Errorf("%s, %d at a time: a flipped bit gave %v", name, parallelism, err)
				case (!flipped || v.Algorithm == "") && err != nil, !flipped && !bytes.Equal(got, data):
					t.Errorf("%s, %d at a time: %d bytes, %v", name, parallelism, len(got), err)
				}
			}
		}
	}
}

// sumless removes the checksum from a reply.
func sumless(_ *s3test.Request, r *s3test.Reply) {
	for h := range r.Header {
		if strings.HasPrefix(h, "X-Amz-Checksum-") {
			r.Header.Del(h)
		}
	}
}

// TestVerify has the other levels of verification.
func TestVerify(t *testing.T) {
	data := random(1000)
	server, client := newServer(t, &s3test.Options{MinPartSize: -1})
	for _, tt := range []struct {
		verify  s3source.Verify
		object  written
		opts    s3source.DownloadOptions
		flipped bool
		want    error
	}{
		{verify: s3source.VerifyRequired},
		{verify: s3source.VerifyRequired, flipped: true, want: s3source.ErrChecksum},
		{verify: s3source.VerifyRequired, object: written{parts: []int{500, 500}}, want: s3source.ErrNotVerifiable},
		{verify: s3source.VerifyRequired, opts: s3source.DownloadOptions{Offset: 1}, want: s3source.ErrNotVerifiable},
		{verify: s3source.VerifyLength, flipped: true},
	} {
		for _, parallelism := range []int{1, 2} {
			server.ClearFaults()
			tt.object.store(t, client, data)
			if tt.flipped {
				server.Fault(s3test.Fault{Op: "GetObject", After: flip})
			}
			tt.opts.Verify, tt.opts.Parallelism = tt.verify, parallelism
			got, err := read(t.Context(), s3source.Download(client, bucket, key, &tt.opts))
			if !errors.Is(err, tt.want) || errors.Is(err, s3source.ErrNotVerifiable) && len(got) > 0 {
				t.Errorf("%+v: %d bytes, %v", tt, len(got), err)
			}
		}
	}
}

// TestPartsOfUnknownSize: if a service does not answer for one part, or answers with nonsense, the
// download says that nothing is compared.
func TestPartsOfUnknownSize(t *testing.T) {
	for name, f := range map[string]s3test.Fault{
		"rejected":    {Before: s3test.Fail(501, "NotImplemented")},
		"ignored":     {Before: func(r *s3test.Request) *s3test.Reply { r.Part = 0; return nil }},
		"another N":   {After: set("X-Amz-Mp-Parts-Count", "3")},
		"no length":   {After: set("Content-Length", "0")},
		"more length": {After: set("Content-Length", "1001")},
	} {
		server, client := newServer(t, &s3test.Options{MinPartSize: -1})
		written{algorithm: "SHA256", parts: []int{500, 500}}.store(t, client, random(1000))
		f.Op, f.Part, f.Times = "HeadObject", cmp.Or(f.Part, 1), always
		server.Fault(f)
		var v s3source.Verification
		got, err := read(t.Context(), s3source.Download(client, bucket, key, &s3source.DownloadOptions{
			OnObject: func(o s3source.Object) error { v = o.Verification; return nil },
		}))
		if err != nil || !bytes.Equal(got, random(1000)) || v.Algorithm != "" || v.Reason == "" {
			t.Errorf("%s: %d bytes, %v, verified by %+v", name, len(got), err, v)
		}
	}
}

// TestPartsThatSeemEqual: the sizes of the first and the last part and the number of parts fit
// together, but the parts between differ. That is not a damaged object.
func TestPartsThatSeemEqual(t *testing.T) {
	_, client := newServer(t, &s3test.Options{MinPartSize: -1})
	written{algorithm: "SHA256", parts: []int{300, 200, 400, 100}}.store(t, client, random(1000))
	_, err := read(t.Context(), s3source.Download(client, bucket, key, nil))
	if !errors.Is(err, s3source.ErrNotVerifiable) || errors.Is(err, s3source.ErrChecksum) {
		t.Error(err)
	}
}

// TestPartSizeUnavailable: the size of a part cannot be had in the middle of a download. The run
// ends there: it does not leave out bytes and go on.
func TestPartSizeUnavailable(t *testing.T) {
	for _, parallelism := range []int{1, 2} {
		server, client := newServer(t, &s3test.Options{MinPartSize: -1})
		data := random(1000)
		written{algorithm: "SHA256", parts: []int{300, 200, 450, 50}}.store(t, client, data)
		server.Fault(s3test.Fault{Op: "HeadObject", Part: 2, Times: always, Before: s3test.Fail(503, "SlowDown")})
		got, err := read(t.Context(), s3source.Download(client, bucket, key, &s3source.DownloadOptions{
			ChunkSize: 100, PartSize: 100, Parallelism: parallelism, RetryTimeout: brief,
		}))
		if !bytes.Equal(got, data[:300]) || errors.Is(err, s3source.ErrChecksum) ||
			stream.ClassOf(err) != stream.Throttled {
			t.Errorf("%d at a time: %d bytes, %v", parallelism, len(got), err)
		}
	}
}
