package s3source

import (
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Object is what the service says about a stored object. Its texts come from the service: escape
// them before you print them.
type Object struct {
	Key          string
	Size         int64  // bytes of the whole object; -1 if the service does not say
	ETag         string // with quotes, as the service writes it
	VersionID    string // "" if the bucket has no versions
	LastModified time.Time
	StorageClass string // such as "GLACIER"; "" means STANDARD

	ContentType, ContentEncoding, ContentLanguage, ContentDisposition, CacheControl string

	Metadata map[string]string // keys in lower case

	ServerSideEncryption string // "AES256", "aws:kms", …; "" if the service does not say
	Restore              string // state of a restore from an archive, as in x-amz-restore
	LockMode             string // Object Lock: "GOVERNANCE", "COMPLIANCE" or ""
	LockUntil            time.Time
	LegalHold            bool

	Checksums []Checksum // stored with the object; the service sends them if it has any

	// Verification is what a download compares its bytes with.
	Verification Verification
}

// Checksum is a checksum that a service stores with an object.
type Checksum struct {
	Algorithm string // "CRC64NVME", "CRC32", "CRC32C", "SHA1", "SHA256", …
	Value     string // in base64; with "-N" after it, it is the checksum of the checksums of N parts
}

// Archived reports whether the storage class is an archive and the object is not restored, so that
// it cannot be read.
func (o *Object) Archived() bool {
	return (o.StorageClass == "GLACIER" || o.StorageClass == "DEEP_ARCHIVE") &&
		!strings.Contains(o.Restore, `ongoing-request="false"`)
}

// objectOf returns the object that a reply to HEAD describes.
func objectOf(key string, h *s3.HeadObjectOutput) Object {
	o := Object{
		Key: key, Size: -1, ETag: aws.ToString(h.ETag), VersionID: aws.ToString(h.VersionId),
		LastModified: aws.ToTime(h.LastModified), StorageClass: string(h.StorageClass),
		ContentType: aws.ToString(h.ContentType), ContentEncoding: aws.ToString(h.ContentEncoding),
		ContentLanguage: aws.ToString(h.ContentLanguage), ContentDisposition: aws.ToString(h.ContentDisposition),
		CacheControl: aws.ToString(h.CacheControl), Metadata: h.Metadata,
		ServerSideEncryption: string(h.ServerSideEncryption), Restore: aws.ToString(h.Restore),
		LockMode: string(h.ObjectLockMode), LockUntil: aws.ToTime(h.ObjectLockRetainUntilDate),
		LegalHold: h.ObjectLockLegalHoldStatus == "ON",
	}
	if aws.ToString(h.SSECustomerAlgorithm) != "" {
		o.ServerSideEncryption = customerKey
	}
	if h.ContentLength != nil && *h.ContentLength >= 0 {
		o.Size = *h.ContentLength
	}
	for _, c := range []struct {
		algorithm string
		value     *string
	}{
		{"CRC64NVME", h.ChecksumCRC64NVME},
		{"CRC32C", h.ChecksumCRC32C},
		{"CRC32", h.ChecksumCRC32},
		{"SHA256", h.ChecksumSHA256},
		{"SHA512", h.ChecksumSHA512},
		{"SHA1", h.ChecksumSHA1},
		{"MD5", h.ChecksumMD5},
		{"XXHASH64", h.ChecksumXXHASH64},
		{"XXHASH3", h.ChecksumXXHASH3},
		{"XXHASH128", h.ChecksumXXHASH128},
	} {
		if v := aws.ToString(c.value); v != "" {
			o.Checksums = append(o.Checksums, Checksum{c.algorithm, v})
		}
	}
	return o
}

// customerKey is the ServerSideEncryption of an object with a key of the customer (SSE-C).
const customerKey = "SSE-C"

// headOf returns the headers of a reply to GET as those of a HEAD.
func headOf(g *s3.GetObjectOutput) *s3.HeadObjectOutput {
	return &s3.HeadObjectOutput{
		ETag: g.ETag, VersionId: g.VersionId, LastModified: g.LastModified, StorageClass: g.StorageClass,
		ContentLength: g.ContentLength, ContentType: g.ContentType, ContentEncoding: g.ContentEncoding,
		ContentLanguage: g.ContentLanguage, ContentDisposition: g.ContentDisposition, CacheControl: g.CacheControl,
		Metadata: g.Metadata, ServerSideEncryption: g.ServerSideEncryption, Restore: g.Restore,
		SSECustomerAlgorithm: g.SSECustomerAlgorithm, ObjectLockMode: g.ObjectLockMode,
		ObjectLockRetainUntilDate: g.ObjectLockRetainUntilDate, ObjectLockLegalHoldStatus: g.ObjectLockLegalHoldStatus,
		ChecksumCRC64NVME: g.ChecksumCRC64NVME, ChecksumCRC32C: g.ChecksumCRC32C, ChecksumCRC32: g.ChecksumCRC32,
		ChecksumSHA256: g.ChecksumSHA256, ChecksumSHA512: g.ChecksumSHA512, ChecksumSHA1: g.ChecksumSHA1,
		ChecksumMD5: g.ChecksumMD5, ChecksumXXHASH64: g.ChecksumXXHASH64, ChecksumXXHASH3: g.ChecksumXXHASH3,
		ChecksumXXHASH128: g.ChecksumXXHASH128,
	}
}
