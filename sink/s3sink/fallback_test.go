package s3sink_test

import (
	"bytes"
	"testing"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

// TestNoFallbackFromMismatch: a refusal because the size or the checksum differs is not a refusal
// of the header. Without the header the service would store the wrong object.
func TestNoFallbackFromMismatch(t *testing.T) {
	old := []byte("an older backup")
	for name, before := range map[string]func(*s3test.Request) *s3test.Reply{
		"a part is lost": func(r *s3test.Request) *s3test.Reply {
			r.Body = append(r.Body[:bytes.LastIndex(r.Body, []byte("<Part>"))], "</CompleteMultipartUpload>"...)
			r.Header.Del("X-Amz-Content-Sha256")
			return nil
		},
		"the service has accepted the checksums of parts": func(r *s3test.Request) *s3test.Reply {
			if r.Header.Get("X-Amz-Checksum-Crc64nvme") == "" {
				return nil
			}
			return &s3test.Reply{Status: 400, Body: []byte(
				"<Error><Code>InvalidRequest</Code><Message>The checksum is wrong.</Message></Error>")}
		},
	} {
		t.Run(name, func(t *testing.T) {
			server, client := newServer(t, anyParts)
			server.Put(bucket, key, old)
			server.Fault(s3test.Fault{Op: "CompleteMultipartUpload", Times: always, Before: before})
			_, err := stream.Run(t.Context(), chunks(random(250), 30), s3sink.UploadWithin(10_000, client, bucket, key,
				small(s3sink.UploadOptions{})))
			if !coded("InvalidRequest")(err) || stream.ClassOf(err) != stream.Fatal {
				t.Errorf("the error is %v, %v", err, stream.ClassOf(err))
			}
			if !bytes.Equal(server.Object(bucket, key).Body, old) {
				t.Error("the older object is replaced")
			}
			if u := server.Uploads(bucket); len(u) > 0 {
				t.Errorf("uploads are pending: %v", u)
			}
		})
	}
}
