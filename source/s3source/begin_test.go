package s3source_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// TestFailureBeforeFirstByte: what the first reply says about the object is kept if the run then
// fails for a while before its first byte. Replies to later requests, for ranges, lack it.
func TestFailureBeforeFirstByte(t *testing.T) {
	busy := s3test.Fail(503, "SlowDown")
	composite := written{algorithm: "CRC32", parts: []int{300, 300, 300, 100}}
	unequal := written{algorithm: "SHA256", parts: []int{300, 200, 450, 50}}
	for name, tt := range map[string]struct {
		object written
		opts   s3source.DownloadOptions
		fault  s3test.Fault
		want   s3source.Verification
	}{
		"parts of unknown size": {
			object: composite, fault: s3test.Fault{Op: "HeadObject", Part: 1, Times: 4, Before: busy},
			want: s3source.Verification{Algorithm: "CRC32", Parts: 4},
		},
		"last part of unknown size": {
			object: unequal, fault: s3test.Fault{Op: "HeadObject", Part: 4, Times: 7, Before: busy},
			want: s3source.Verification{Algorithm: "SHA256", Parts: 4},
		},
		"a range of all bytes": {
			object: composite, opts: s3source.DownloadOptions{Length: 1000},
			fault: s3test.Fault{Op: "HeadObject", Times: 7, Before: busy},
			want:  s3source.Verification{Algorithm: "CRC32", Parts: 4},
		},
		"a range of all bytes, one checksum": {
			object: written{algorithm: "CRC32"}, opts: s3source.DownloadOptions{Length: 1000},
			fault: s3test.Fault{Op: "HeadObject", Times: 7, Before: busy},
			want:  s3source.Verification{Algorithm: "CRC32"},
		},
		"a reply without a byte": {
			object: composite, fault: s3test.Fault{Op: "GetObject", Times: 3, After: s3test.CutAfter(0)},
			want: s3source.Verification{Algorithm: "CRC32", Parts: 4},
		},
	} {
		for _, flipped := range []bool{false, true} {
			server, client := newServer(t, &s3test.Options{MinPartSize: -1})
			tt.object.store(t, client, random(1000))
			server.Fault(tt.fault)
			if flipped {
				server.Fault(s3test.Fault{Op: "GetObject", Times: always, After: flip})
			}
			var got s3source.Verification
			opts := tt.opts
			opts.OnObject = func(o s3source.Object) error { got = o.Verification; return nil }
			data, err := read(t.Context(), s3source.Download(client, bucket, key, &opts))
			if got != tt.want {
				t.Errorf("%s: it says that it compares %+v, want %+v", name, got, tt.want)
			}
			if flipped && !errors.Is(err, s3source.ErrChecksum) {
				t.Errorf("%s: a flipped bit gave %v", name, err)
			}
			if !flipped && (err != nil || !bytes.Equal(data, random(1000))) {
				t.Errorf("%s: %d bytes, %v", name, len(data), err)
			}
		}
	}
}

// TestNamelessReplyConfirmedLater: the first reply has no ETag, and the HEAD that confirms it fails
// for a while.
func TestNamelessReplyConfirmedLater(t *testing.T) {
	server, client := newServer(t, nil)
	want := server.Put(bucket, key, random(1000)).Body
	server.Fault(s3test.Fault{Op: "GetObject", Times: 2, After: all(without, untagged)})
	server.Fault(s3test.Fault{Op: "HeadObject", Times: 4, Before: s3test.Fail(503, "SlowDown")})
	got, err := read(t.Context(), s3source.Download(client, bucket, key, nil))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// busyHeads is a client whose HEADs of parts fail until the given time. Its replies to GETs for all
// bytes have a checksum of parts.
type busyHeads struct {
	data  []byte
	until time.Time
}

func (c busyHeads) GetObject(_ context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput,
	error,
) {
	size := int64(len(c.data))
	out := &s3.GetObjectOutput{
		Body: io.NopCloser(bytes.NewReader(c.data)), ContentLength: aws.Int64(size), ETag: aws.String(`"x-2"`),
	}
	if in.Range != nil {
		out.ContentRange = aws.String(fmt.Sprintf("bytes 0-%d/%d", size-1, size))
		return out, nil
	}
	out.ChecksumCRC32 = aws.String("AAAAAA==-2")
	return out, nil
}

func (c busyHeads) HeadObject(_ context.Context, in *s3.HeadObjectInput, _ ...func(*s3.Options)) (*s3.HeadObjectOutput,
	error,
) {
	if time.Now().Before(c.until) {
		return nil, &smithy.GenericAPIError{Code: "SlowDown"}
	}
	return &s3.HeadObjectOutput{ContentLength: aws.Int64(int64(len(c.data) / 2)), ETag: aws.String(`"x-2"`)}, nil
}

// TestPartSizesUnavailable: the sizes of the parts cannot be had for longer than RetryTimeout. The
// download does not go on without the checksum.
func TestPartSizesUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, outage := range []time.Duration{time.Minute, 301 * time.Second} {
			client := busyHeads{random(1000), time.Now().Add(outage)}
			got, err := read(t.Context(), s3source.Download(client, bucket, key, nil))
			if outage < 5*time.Minute && !errors.Is(err, s3source.ErrChecksum) ||
				outage > 5*time.Minute && (stream.ClassOf(err) != stream.Throttled || len(got) > 0) {
				t.Errorf("%v: %d bytes, %v", outage, len(got), err)
			}
		}
	})
}
