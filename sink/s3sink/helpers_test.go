package s3sink_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/millweir/millweir/internal/chunktest"
	"github.com/millweir/millweir/internal/s3fixture"
	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

const bucket, key = "backups", "dir/cookies.json.gz"

var (
	newClient = s3fixture.NewClient
	chunks    = chunktest.Pieces
)

// newServer returns a server with the bucket, and a client for it.
func newServer(t testing.TB, opts *s3test.Options) (*s3test.Server, *s3.Client) {
	t.Helper()
	server := s3test.New(opts)
	t.Cleanup(server.Close)
	server.CreateBucket(bucket)
	return server, newClient(server.URL)
}

// small returns o with tiny parts, for servers without a minimum. Unless RetryTimeout is set, only
// the client repeats requests: a test whose request always fails should end soon.
func small(o s3sink.UploadOptions) *s3sink.UploadOptions {
	if o.PartSize == 0 {
		o.PartSize = 100
	}
	if o.RetryTimeout == 0 {
		o.RetryTimeout = -1
	}
	if o.AbortTimeout == 0 {
		o.AbortTimeout = 20 * time.Second
	}
	return &o
}

var anyParts = &s3test.Options{MinPartSize: -1}

// random returns n bytes, the same in every call.
func random(n int) []byte {
	p := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(n)}).Read(p)
	return p
}

// then returns src followed by a call of after, which may fail.
func then(src stream.Source[[]byte], after func(context.Context) error) stream.Source[[]byte] {
	return stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
		if err := src.Each(ctx, emit); err != nil {
			return err
		}
		return after(ctx)
	})
}

var errSource = errors.New("the source failed")

// expectNothing fails t if the server has an object or an upload.
func expectNothing(t testing.TB, server *s3test.Server) {
	t.Helper()
	if o := server.Object(bucket, key); o != nil {
		t.Errorf("an object of %d bytes is visible", len(o.Body))
	}
	if u := server.Uploads(bucket); len(u) > 0 {
		t.Errorf("uploads are pending: %v", u)
	}
}

// expectStored fails t if the server does not have exactly data.
func expectStored(t testing.TB, server *s3test.Server, data []byte, obj s3sink.Object) {
	t.Helper()
	o := server.Object(bucket, key)
	if o == nil {
		t.Fatal("there is no object")
	}
	if !bytes.Equal(o.Body, data) {
		t.Errorf("%d bytes are stored, not the %d that were sent", len(o.Body), len(data))
	}
	if obj.Bucket != bucket || obj.Key != key || obj.ETag != o.ETag || obj.Size != int64(len(data)) ||
		obj.Parts != o.Parts || obj.VersionID != o.VersionID {
		t.Errorf("the result is %+v, the object has ETag %s and %d parts", obj, o.ETag, o.Parts)
	}
	if u := server.Uploads(bucket); len(u) > 0 {
		t.Errorf("uploads are pending: %v", u)
	}
}

// olderThan aborts the uploads that began more than d ago.
func olderThan(d time.Duration) *s3sink.AbortPendingOptions {
	return &s3sink.AbortPendingOptions{OlderThan: d}
}
