package s3sink_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

// TestContradictions: settings that contradict each other, the limits of S3 or the clock are one
// error before the first byte, which names what to change.
func TestContradictions(t *testing.T) {
	server, client := newServer(t, nil)
	tomorrow, other := time.Now().Add(24*time.Hour), s3sink.Checkpoint{
		Bucket: bucket, Key: "other", UploadID: "1", WriteToken: "t",
	}
	for name, tt := range map[string]struct {
		opts  s3sink.UploadOptions
		names string
	}{
		"FixedParts that do not hold MaxSize": {
			s3sink.UploadOptions{FixedParts: true, MaxSize: 1 << 40}, "PartSize must be at least 109951163",
		},
		"memory for parts of PartSize": {s3sink.UploadOptions{MaxMemory: 8 << 20}, "MaxMemory"},
		"memory for MaxSize": {
			s3sink.UploadOptions{MaxMemory: 64 << 20, MaxSize: 1 << 40},
			"raise MaxMemory",
		},
		"ExpectedSize above MaxSize":   {s3sink.UploadOptions{ExpectedSize: 2, MaxSize: 1}, "MaxSize"},
		"ExpectedSize above all parts": {s3sink.UploadOptions{ExpectedSize: 1 << 60}, "ExpectedSize"},
		"MaxSize above all parts":      {s3sink.UploadOptions{MaxSize: 1 << 60}, "parts hold"},
		"few parts": {
			s3sink.UploadOptions{FixedParts: true, MaxParts: 2, MaxSize: 1 << 30},
			"PartSize",
		},
		"a lock without its end":  {s3sink.UploadOptions{LockMode: s3sink.Compliance}, "LockUntil"},
		"a lock without its mode": {s3sink.UploadOptions{LockUntil: tomorrow}, "LockMode"},
		"a lock that has ended": {
			s3sink.UploadOptions{LockMode: s3sink.Governance, LockUntil: time.Unix(1, 0)},
			"LockUntil",
		},
		"another mode": {s3sink.UploadOptions{LockMode: "FOREVER", LockUntil: tomorrow}, "LockMode"},
		"a KMS key without KMS": {
			s3sink.UploadOptions{SSEKMSKeyID: "k", ServerSideEncryption: "AES256"},
			"aws:kms",
		},
		"a customer's key over http": {s3sink.UploadOptions{CustomerKey: newCustomerKey()}, "https"},
		"a customer's key and KMS": {s3sink.UploadOptions{
			CustomerKey:          newCustomerKey(),
			ServerSideEncryption: "aws:kms",
		}, "set one"},
		"the checkpoint of another key": {s3sink.UploadOptions{Resume: &other}, "Resume is for"},
		"a checkpoint of nothing": {
			s3sink.UploadOptions{Resume: &s3sink.Checkpoint{Bucket: bucket, Key: key}},
			"UploadID",
		},
		"the upload's own metadata": {
			s3sink.UploadOptions{Metadata: map[string]string{"Millweir-Write-Token": "x"}},
			"sets itself",
		},
	} {
		sink := s3sink.Upload(client, bucket, key, &tt.opts)
		_, err := stream.Run(t.Context(), unread(t), sink)
		if stream.ClassOf(err) != stream.Fatal || !strings.Contains(fmt.Sprint(err), tt.names) {
			t.Errorf("%s: %v, want %q in it", name, err, tt.names)
		}
	}
	if n := len(server.Requests()); n > 0 {
		t.Errorf("%d requests", n)
	}
}
