package s3source

import (
	"crypto/md5"  //nolint:gosec // S3's ETags are MD5
	"crypto/sha1" //nolint:gosec // one of S3's checksums
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/minio/crc64nvme"

	"github.com/millweir/millweir/internal/printable"
)

// Verify says how much a download verifies.
type Verify int

const (
	// VerifyIfPossible compares the bytes with the best checksum that the service has for the
	// object.
	VerifyIfPossible Verify = iota

	// VerifyRequired is VerifyIfPossible, but the run fails with [ErrNotVerifiable] before the
	// first byte if there is nothing to compare with.
	VerifyRequired

	// VerifyLength compares only the length. It is for a service whose ETags look like MD5s and are
	// not, and saves the time of the checksum.
	VerifyLength
)

// Verification is what a download compares its bytes with. If the download ends without an error,
// they were equal.
type Verification struct {
	// Algorithm is "CRC64NVME", "CRC32", "CRC32C", "SHA1", "SHA256", "SHA512" or "MD5"; "" if only
	// the length is compared.
	Algorithm string
	Parts     int    // number of parts, if it is a checksum of their checksums; 0 if it is of the whole object
	Reason    string // why Algorithm is ""
}

// algorithms are the known checksums, the best first: those that are fast and detect every short
// burst.
var algorithms = []struct {
	name string
	new  func() hash.Hash
}{
	{"CRC64NVME", func() hash.Hash { return crc64nvme.New() }},
	{"CRC32C", func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) }},
	{"CRC32", func() hash.Hash { return crc32.NewIEEE() }},
	{"SHA256", sha256.New},
	{"SHA1", sha1.New},
	{"SHA512", sha512.New},
	{"MD5", md5.New},
}

// target is a checksum that the bytes of a whole object must have.
type target struct {
	Verification
	new  func() hash.Hash
	want string // in base64, with "-N" if it is of N parts
}

// bestTarget returns the best checksum of o, or a target without an algorithm and the reason.
func bestTarget(o *Object) target {
	var best *target
	for _, a := range algorithms {
		for _, c := range o.Checksums {
			if c.Algorithm != a.name {
				continue
			}
			n := partCount(c.Value)
			if n == 0 { // a value that is not a checksum equals none: the run fails
				return target{Verification{Algorithm: a.name}, a.new, c.Value}
			}
			if best == nil {
				best = &target{Verification{Algorithm: a.name, Parts: n}, a.new, c.Value}
			}
		}
	}
	ofWhole := Verification{Algorithm: "MD5"}
	switch etag, metadata := md5OfETag(o), o.Metadata["md5chksum"]; {
	case etag != "":
		return target{ofWhole, md5.New, etag}
	case best != nil:
		return *best
	case isMD5(metadata): // of rclone: https://rclone.org/s3/#integrity-checking
		return target{ofWhole, md5.New, metadata}
	}
	return target{Verification: Verification{Reason: noChecksum(o)}}
}

// partCount returns the N of a checksum that ends in "-N", or 0.
func partCount(value string) int {
	_, parts, _ := strings.Cut(value, "-")
	n, err := strconv.Atoi(parts)
	if err != nil || n < 1 || n > maxParts {
		return 0
	}
	return n
}

const maxParts = 10_000

// md5OfETag returns the MD5 of o in base64 if its ETag is one. It is not if o has several parts or
// is encrypted with a key of KMS or the customer.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
func md5OfETag(o *Object) string {
	etag, err := hex.DecodeString(strings.Trim(o.ETag, `"`))
	encrypted := o.ServerSideEncryption != "" && o.ServerSideEncryption != "AES256"
	if err != nil || len(etag) != md5.Size || encrypted {
		return ""
	}
	return base64.StdEncoding.EncodeToString(etag)
}

func isMD5(s string) bool {
	raw, err := base64.StdEncoding.DecodeString(s)
	return err == nil && len(raw) == md5.Size
}

// noChecksum returns why there is nothing to compare the bytes of o with.
func noChecksum(o *Object) string {
	switch {
	case len(o.Checksums) > 0:
		return "the object's checksum is of an unknown algorithm"
	case strings.Contains(o.ETag, "-"):
		return "the object has several parts and no checksum"
	case o.ServerSideEncryption != "" && o.ServerSideEncryption != "AES256":
		return "the object is encrypted with a key, so its ETag is no MD5, and it has no checksum"
	}
	return "the object has no checksum, and its ETag is no MD5"
}

// verifier computes the checksum of the bytes of an object.
type verifier struct {
	target
	sum hash.Hash // of the object, or of the current part

	// Of a target of parts:
	size     func(part int) (int64, error) // the number of bytes of a part, from 1
	asksEach bool                          // size sends a request
	confirm  func() error                  // the error if size was a wrong guess
	part     int                           // the current part; 0 before the first
	left     int64                         // bytes of the current part to come
	parts    []byte                        // the checksums of the parts so far
}

// write adds the next bytes of the object.
func (v *verifier) write(p []byte) error {
	if v.Parts == 0 {
		v.sum.Write(p)
		return nil
	}
	for len(p) > 0 {
		if v.left == 0 {
			if err := v.nextPart(); err != nil {
				return err
			}
		}
		n := min(int64(len(p)), v.left)
		v.sum.Write(p[:n])
		p, v.left = p[n:], v.left-n
	}
	return nil
}

// nextPart begins the next part.
func (v *verifier) nextPart() error {
	if v.part > 0 {
		v.parts = v.sum.Sum(v.parts)
		v.sum.Reset()
	}
	v.part++
	size, err := v.size(v.part)
	v.left = size
	return err
}

// got returns the checksum of the bytes so far, as S3 writes it.
func (v *verifier) got() string {
	if v.Parts == 0 {
		return base64.StdEncoding.EncodeToString(v.sum.Sum(nil))
	}
	all := v.new()
	all.Write(v.sum.Sum(v.parts))
	return base64.StdEncoding.EncodeToString(all.Sum(nil)) + "-" + strconv.Itoa(max(1, v.part))
}

// mismatch returns the error of bytes with another checksum.
func (v *verifier) mismatch() error {
	if v.confirm != nil {
		if err := v.confirm(); err != nil {
			return err
		}
	}
	hint := ""
	if v.Algorithm == "MD5" {
		hint = " (if this service's ETags are no MD5, set Verify to VerifyLength)"
	}
	return fmt.Errorf("%w: %s %s, not %s%s", ErrChecksum, v.Algorithm, v.got(), printable.Text(v.want), hint)
}
