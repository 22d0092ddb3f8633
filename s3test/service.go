package s3test

import (
	"net/http"
	"strings"
)

// Service is the S3 service whose deviations from Amazon S3 a server shows. Each constant names the
// deviations and their documentation. Everything else is as in Amazon S3.
type Service int

const (
	AmazonS3 Service = iota

	// BackblazeB2 rejects every header about checksums with 400 InvalidArgument,
	// x-amz-checksum-mode of a GET included, and keeps no checksums.
	// https://www.backblaze.com/docs/cloud-storage-s3-compatible-api,
	// https://github.com/vatesfr/xen-orchestra/issues/8358
	BackblazeB2

	// GoogleCloud is Google Cloud Storage's XML interface. Its front end appends to Accept-Encoding
	// before the signature is checked, so a request that signs this header gets 403
	// SignatureDoesNotMatch. It ignores and does not keep checksums of S3.
	// https://github.com/aws/aws-sdk-go-v2/issues/1816,
	// https://github.com/siderolabs/talos-backup/issues/64
	GoogleCloud

	// Scaleway accepts at most 1,000 parts.
	// https://www.scaleway.com/en/docs/object-storage/api-cli/multipart-uploads/,
	// https://github.com/rclone/rclone/issues/4159
	Scaleway

	// CloudflareR2 requires parts of one size, except for the last, which must not be larger. It
	// finds out at CompleteMultipartUpload: 400 InvalidPart.
	// https://developers.cloudflare.com/r2/objects/multipart-objects/
	CloudflareR2

	// Ceph ignores and does not keep checksums, and ignores partNumber of a GET and a HEAD, in
	// versions before Squid. https://github.com/ceph/ceph/pull/49986
	Ceph

	// MinIO lists the multipart uploads of a key only if the prefix is the whole key, or empty. Its
	// replies have the header Server: MinIO.
	// https://github.com/minio/minio/issues/20989, https://github.com/minio/minio/issues/13246
	MinIO

	// VersityGW answers a repeated CompleteMultipartUpload with 200, and drops the headers for
	// encryption and storage class. Both were measured with v1.8.0.
	VersityGW
)

// String returns the service's name.
func (s Service) String() string {
	names := [...]string{
		"Amazon S3", "Backblaze B2", "Google Cloud Storage", "Scaleway", "Cloudflare R2", "Ceph", "MinIO", "versitygw",
	}
	if s < 0 || int(s) >= len(names) {
		return "unknown"
	}
	return names[s]
}

// Services returns all services, for a test that runs against each.
func Services() []Service {
	return []Service{AmazonS3, BackblazeB2, GoogleCloud, Scaleway, CloudflareR2, Ceph, MinIO, VersityGW}
}

// scalewayParts is the greatest number of parts of Scaleway.
const scalewayParts = 1000

// deviate returns the reply that the service gives in place of Amazon's, or nil. It may change req.
func (s Service) deviate(req *Request) *Reply {
	switch s {
	case BackblazeB2:
		if name := checksumHeaderIn(req.Header); name != "" {
			return refuseWith(http.StatusBadRequest, "InvalidArgument",
				"Unsupported header '"+strings.ToLower(name)+"' received for this API call.")
		}
	case GoogleCloud:
		if _, signed, _ := strings.Cut(req.Header.Get("Authorization"), "SignedHeaders="); strings.HasPrefix(signed,
			"accept-encoding;") {
			return refuse(http.StatusForbidden, "SignatureDoesNotMatch")
		}
		ignoreChecksums(req.Header)
	case Ceph:
		ignoreChecksums(req.Header)
		if req.Op == "GetObject" || req.Op == "HeadObject" {
			req.Part = 0
		}
	case VersityGW:
		for name := range req.Header {
			if strings.HasPrefix(name, "X-Amz-Server-Side-Encryption") || name == "X-Amz-Storage-Class" {
				req.Header.Del(name)
			}
		}
	}
	return nil
}

// keepsChecksums reports whether the service stores checksums, and computes one for an object that
// comes without.
func (s Service) keepsChecksums() bool { return s != BackblazeB2 && s != GoogleCloud && s != Ceph }

// checksumHeaderIn returns the name of a header about checksums, or "".
func checksumHeaderIn(h http.Header) string {
	for name := range h {
		if strings.HasPrefix(name, checksumHeader) || name == "X-Amz-Sdk-Checksum-Algorithm" {
			return name
		}
	}
	return ""
}

func ignoreChecksums(h http.Header) {
	for name := checksumHeaderIn(h); name != ""; name = checksumHeaderIn(h) {
		h.Del(name)
	}
}

// unequal reports whether parts of these sizes break the rule of Cloudflare R2.
func unequal(sizes []int) bool {
	for i, n := range sizes {
		if n > sizes[0] || n < sizes[0] && i < len(sizes)-1 {
			return true
		}
	}
	return false
}
