package blobstore_test

import (
	"io"
	"testing"

	"gocloud.dev/blob"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/blobstore"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// A request that may be repeated fails for good only if the service has refused it: drivers have no
// code for a service that is busy.
func TestClasses(t *testing.T) {
	for _, test := range []struct {
		err  error
		want stream.Class
	}{
		{lost, stream.Retryable},
		{internal, stream.Retryable},
		{errClosed, stream.Retryable},
		{io.ErrUnexpectedEOF, stream.Retryable},
		{denied, stream.Fatal},
	} {
		bucket := blob.NewBucket(&scripted{
			content: []byte("x"), list: test.err, read: test.err, look: test.err,
			delete: test.err,
		})
		store := blobstore.New(bucket, nil)
		_, list := stream.Run(t.Context(), store.List(""), sink.Discard[backup.Object]())
		_, get := stream.Run(t.Context(), store.Get("a", nil), sink.Discard[[]byte]())
		_, tail := stream.Run(t.Context(), store.Get("a", &backup.GetOptions{Offset: 1}), sink.Discard[[]byte]())
		_, deleted := stream.Run(t.Context(), source.Of("a"), store.Delete())
		for operation, err := range map[string]error{"list": list, "get": get, "a tail": tail, "delete": deleted} {
			if err == nil || stream.ClassOf(err) != test.want {
				t.Errorf("%s: %v of the class %v, want %v", operation, err, stream.ClassOf(err), test.want)
			}
		}
		_ = bucket.Close()
	}
}
