package s3source_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/source/s3source"
)

// TestServices downloads from every service, whole and in parts. Where the service keeps no
// checksums, the ETag is compared.
func TestServices(t *testing.T) {
	want := random(1000)
	for _, service := range s3test.Services() {
		for _, parallelism := range []int{1, 3} {
			server, client := newServer(t, &s3test.Options{Service: service})
			server.Put(bucket, key, want)
			var v s3source.Verification
			got, err := read(t.Context(), s3source.Download(client, bucket, key, &s3source.DownloadOptions{
				Parallelism: parallelism, PartSize: 300, Verify: s3source.VerifyRequired,
				OnObject: func(o s3source.Object) error { v = o.Verification; return nil },
			}))
			algorithm := "CRC64NVME"
			if service == s3test.BackblazeB2 || service == s3test.GoogleCloud || service == s3test.Ceph {
				algorithm = "MD5"
			}
			if err != nil || !bytes.Equal(got, want) || v.Algorithm != algorithm {
				t.Errorf("%v, %d at a time: %d bytes, %v, compared with %+v", service, parallelism, len(got), err, v)
			}
		}
	}
}

// TestServicesMissing: the reply to the request without the header that a service rejects is what
// counts.
func TestServicesMissing(t *testing.T) {
	for _, service := range s3test.Services() {
		for _, parallelism := range []int{1, 3} {
			_, client := newServer(t, &s3test.Options{Service: service})
			_, err := read(t.Context(), s3source.Download(client, bucket, key, &s3source.DownloadOptions{
				Parallelism: parallelism,
			}))
			if !errors.Is(err, s3source.ErrNotFound) {
				t.Errorf("%v, %d at a time: %v", service, parallelism, err)
			}
		}
	}
}
