package s3source_test

import (
	"bytes"
	"sync/atomic"
	"testing"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/source/s3source"
)

// TestPlainRequestFails: the service rejects the request for checksums, and is then busy for longer
// than the client tries. The run goes on, as after any other transient error.
func TestPlainRequestFails(t *testing.T) {
	data := random(1000)
	for _, parallelism := range []int{1, 2} {
		server, client := newServer(t, nil)
		server.Put(bucket, key, data)
		var busy atomic.Int64
		server.Fault(s3test.Fault{Times: always, Before: func(r *s3test.Request) *s3test.Reply {
			switch {
			case r.Header.Get("X-Amz-Checksum-Mode") != "":
				return s3test.Fail(400, "InvalidArgument")(r)
			case busy.Add(1) <= 3:
				return s3test.Fail(503, "SlowDown")(r)
			}
			return nil
		}})
		got, err := read(t.Context(), s3source.Download(client, bucket, key, &s3source.DownloadOptions{
			PartSize: 500, Parallelism: parallelism,
		}))
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d at a time: %d bytes, %v", parallelism, len(got), err)
		}
	}
}
