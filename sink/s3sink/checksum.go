package s3sink

import (
	"crypto/md5"  //nolint:gosec // S3's Content-MD5 and ETags
	"crypto/sha1" //nolint:gosec // one of S3's checksums
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"hash/crc32"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/minio/crc64nvme"
)

// Checksum selects the checksum that is sent with an object. The service compares it with every
// part, and with the whole object. It is sent in a header, never in a trailer.
type Checksum int

const (
	// ChecksumAuto is ChecksumCRC64NVME. If the service refuses it, the upload goes on with
	// ChecksumMD5: OnRetry is called with the refusal, and the result says what was verified.
	ChecksumAuto Checksum = iota

	ChecksumCRC64NVME // of the whole object, as S3's own default
	ChecksumCRC32     // of the whole object, as the SDKs and aws-cli send it
	ChecksumCRC32C    // of the whole object
	ChecksumSHA1      // of the parts' checksums in a multipart upload
	ChecksumSHA256    // of the parts' checksums; as part of the signed headers it also proves who wrote the data
	ChecksumMD5       // of each part, as Content-MD5, which nearly every service compares

	// ChecksumNone sends no checksum and no size of the object, for services that refuse them.
	// ETags that are an MD5 are still compared. If one differs, the bytes are sent again with their
	// Content-MD5. A PutObject with IfAbsent always has it.
	ChecksumNone
)

// algorithm is a checksum as S3 knows it.
type algorithm struct {
	name types.ChecksumAlgorithm // "" if S3 has no header for it
	new  func() hash.Hash        // nil for none
	crc  *crcField               // nil if the checksum of the object is the checksum of the parts' checksums
}

var algorithms = map[Checksum]*algorithm{
	ChecksumAuto:      crc64Algorithm,
	ChecksumCRC64NVME: crc64Algorithm,
	ChecksumCRC32: {
		types.ChecksumAlgorithmCrc32, func() hash.Hash { return crc32.NewIEEE() }, &crcField{crc32.IEEE, 32},
	},
	ChecksumCRC32C: {
		types.ChecksumAlgorithmCrc32c, func() hash.Hash { return crc32.New(castagnoli) },
		&crcField{crc32.Castagnoli, 32},
	},
	ChecksumSHA1:   {types.ChecksumAlgorithmSha1, sha1.New, nil},
	ChecksumSHA256: {types.ChecksumAlgorithmSha256, sha256.New, nil},
	ChecksumMD5:    {},
	ChecksumNone:   {},
}

var (
	castagnoli     = crc32.MakeTable(crc32.Castagnoli)
	crc64Algorithm = &algorithm{
		types.ChecksumAlgorithmCrc64nvme, func() hash.Hash { return crc64nvme.New() }, &crcField{crc64NVME, 64},
	}
)

// sent reports whether S3 has a header for the checksum.
func (a *algorithm) sent() bool { return a.name != "" }

// kind returns what S3 computes for a multipart object.
func (a *algorithm) kind() types.ChecksumType {
	switch {
	case !a.sent():
		return ""
	case a.crc != nil:
		return types.ChecksumTypeFullObject
	}
	return types.ChecksumTypeComposite
}

// of returns the checksum of body, or nil.
func (a *algorithm) of(body *slabs) []byte {
	if !a.sent() {
		return nil
	}
	return body.hash(a.new())
}

// ofParts returns the checksum of an object of these parts as S3 writes it, or "" if there is none
// or a part has none.
func (a *algorithm) ofParts(parts []sentPart) string {
	if !a.sent() {
		return ""
	}
	whole, composite := uint64(0), a.new()
	for _, p := range parts {
		if p.algorithm != a {
			return ""
		}
		if a.crc != nil {
			whole = a.crc.join(whole, a.crc.read(p.sum), p.size)
			continue
		}
		composite.Write(p.sum)
	}
	if a.crc != nil {
		return encode(a.crc.write(whole))
	}
	return fmt.Sprintf("%s-%d", encode(composite.Sum(nil)), len(parts))
}

func encode(sum []byte) string {
	if sum == nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(sum)
}

// md5Of returns the MD5 of body.
func md5Of(body *slabs) []byte { return body.hash(md5.New()) } //nolint:gosec // see the import
