package s3sink_test

import (
	"fmt"
	"testing"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

// verifiedBy says what verifies an upload with ChecksumAuto.
var verifiedBy = map[s3test.Service]string{
	s3test.AmazonS3: "CRC64NVME", s3test.Scaleway: "CRC64NVME", s3test.CloudflareR2: "CRC64NVME",
	s3test.MinIO: "CRC64NVME", s3test.VersityGW: "CRC64NVME",
	s3test.BackblazeB2: "MD5", s3test.GoogleCloud: "MD5", s3test.Ceph: "MD5",
}

// TestServices uploads to each service with default settings. A bit that is flipped on the way is
// noticed, and the bytes are sent again.
func TestServices(t *testing.T) {
	for _, service := range s3test.Services() {
		for _, size := range []int{0, 50, 350} {
			for _, flip := range []bool{false, true} {
				t.Run(fmt.Sprintf("%v/%d/%v", service, size, flip), func(t *testing.T) {
					server, client := newServer(t, &s3test.Options{MinPartSize: -1, Service: service})
					if flip {
						server.Fault(s3test.Fault{Op: "PutObject", Before: s3test.Flip})
						server.Fault(s3test.Fault{Op: "UploadPart", Part: 1, Before: s3test.Flip})
						server.Fault(s3test.Fault{Op: "UploadPart", Part: 3, Before: s3test.Flip})
					}
					data := random(size)
					obj, err := stream.Run(t.Context(), chunks(data, 30), s3sink.UploadWithin(10_000, client, bucket,
						key,
						small(s3sink.UploadOptions{})))
					if err != nil {
						t.Fatal(err)
					}
					expectStored(t, server, data, obj)
					if want := verifiedBy[service]; obj.Verified != want {
						t.Errorf("it is verified by %q, want %q", obj.Verified, want)
					}
				})
			}
		}
	}
}

// TestChecksumChoices sends each checksum, and flips a bit on the way.
func TestChecksumChoices(t *testing.T) {
	for sum, want := range map[s3sink.Checksum]string{
		s3sink.ChecksumCRC64NVME: "CRC64NVME", s3sink.ChecksumCRC32: "CRC32", s3sink.ChecksumCRC32C: "CRC32C",
		s3sink.ChecksumSHA1: "SHA1", s3sink.ChecksumSHA256: "SHA256", s3sink.ChecksumMD5: "MD5",
		s3sink.ChecksumNone: "MD5",
	} {
		for _, size := range []int{0, 50, 350} {
			t.Run(fmt.Sprintf("%s/%d/%d", want, sum, size), func(t *testing.T) {
				server, client := newServer(t, anyParts)
				server.Fault(s3test.Fault{Op: "PutObject", Before: s3test.Flip})
				server.Fault(s3test.Fault{Op: "UploadPart", Part: 2, Before: s3test.Flip})
				data := random(size)
				obj, err := stream.Run(t.Context(), chunks(data, 30), s3sink.UploadWithin(10_000, client, bucket, key,
					small(s3sink.UploadOptions{Checksum: sum})))
				if err != nil {
					t.Fatal(err)
				}
				expectStored(t, server, data, obj)
				if obj.Verified != want {
					t.Errorf("it is verified by %q, want %q", obj.Verified, want)
				}
			})
		}
	}
}
