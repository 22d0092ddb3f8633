package s3sink_test

import (
	"crypto/md5" //nolint:gosec // S3's ETags are MD5
	"encoding/hex"
	"errors"
	"net/http"
	"testing"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

// TestPutProof: a 200 to a PutObject that proves nothing is followed by a HEAD.
func TestPutProof(t *testing.T) {
	const size = 50
	claims := func(_ *s3test.Request) *s3test.Reply {
		return &s3test.Reply{Header: http.Header{"Etag": {`"` + hex.EncodeToString(sumMD5(random(size))) + `"`}}}
	}
	unsummed := func(_ *s3test.Request, r *s3test.Reply) {
		r.Header.Del("X-Amz-Checksum-Crc64nvme")
		r.Header.Del("X-Amz-Checksum-Type")
	}
	for _, tt := range []struct {
		name   string
		old    []byte
		faults []s3test.Fault
		want   error // nil for success
	}{
		{name: "stored", faults: []s3test.Fault{{Op: "PutObject", After: unsummed}}},
		{name: "stored over another", old: random(33), faults: []s3test.Fault{{Op: "PutObject", After: unsummed}}},
		{name: "not stored", faults: []s3test.Fault{{Op: "PutObject", Before: claims}}, want: s3sink.ErrOutcomeUnknown},
		{
			name: "not stored, older object", old: random(33),
			faults: []s3test.Fault{{Op: "PutObject", Before: claims}},
			want:   s3sink.ErrOutcomeUnknown,
		},
		{name: "not stored, object of yesterday", old: random(33), faults: []s3test.Fault{
			{Op: "PutObject", Before: claims}, {Op: "HeadObject", Times: always, After: aged},
		}, want: s3sink.ErrNotStored},
		{
			name: "not stored, same bytes", old: random(size),
			faults: []s3test.Fault{{Op: "PutObject", Before: claims}},
			want:   s3sink.ErrOutcomeUnknown,
		},
		{name: "HEAD answers 503 for a while", faults: []s3test.Fault{
			{Op: "PutObject", After: unsummed}, {Op: "HeadObject", Times: 4, Before: s3test.Fail(503, "SlowDown")},
		}},
		{name: "another checksum", faults: []s3test.Fault{
			{Op: "PutObject", After: func(_ *s3test.Request, r *s3test.Reply) {
				r.Header.Set("X-Amz-Checksum-Crc64nvme", "AAAAAAAAAAA=")
			}},
		}, want: s3sink.ErrMismatch},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server, client := newServer(t, anyParts)
			if tt.old != nil {
				server.Put(bucket, key, tt.old)
			}
			for _, f := range tt.faults {
				server.Fault(f)
			}
			obj, err := stream.Run(t.Context(), chunks(random(size), 30), s3sink.UploadWithin(10_000, client, bucket,
				key, small(s3sink.UploadOptions{})))
			if !errors.Is(err, tt.want) || (err == nil) != (obj.Size == size) {
				t.Fatalf("%+v, %v; want %v", obj, err, tt.want)
			}
			if err == nil {
				expectStored(t, server, random(size), obj)
			}
		})
	}
}

func sumMD5(p []byte) []byte {
	s := md5.Sum(p) //nolint:gosec // see the import
	return s[:]
}

// TestLostPutByToken loses every reply to a put with KMS and without a checksum. Only the token
// shows whose object is stored.
func TestLostPutByToken(t *testing.T) {
	for _, mine := range []bool{true, false} {
		server, client := newServer(t, anyParts)
		server.Fault(s3test.Fault{Op: "PutObject", Times: always, After: s3test.Lose})
		server.Fault(s3test.Fault{Op: "HeadObject", Times: always, After: func(_ *s3test.Request, r *s3test.Reply) {
			r.Header.Set("Etag", `"of-kms"`)
			if !mine {
				r.Header.Set(tokenHeader, "another's")
			}
		}})
		opts := small(s3sink.UploadOptions{Checksum: s3sink.ChecksumNone})
		obj, err := stream.Run(t.Context(), chunks(random(50), 30), s3sink.UploadWithin(10_000, client, bucket, key,
			opts))
		if mine && (err != nil || obj.ETag != `"of-kms"`) || !mine && !errors.Is(err, s3sink.ErrOutcomeUnknown) {
			t.Errorf("ours %v: %+v, %v", mine, obj, err)
		}
	}
}
