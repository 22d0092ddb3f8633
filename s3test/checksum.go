package s3test

import (
	"crypto/md5"  //nolint:gosec // S3's ETags are MD5
	"crypto/sha1" //nolint:gosec // one of S3's checksums
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"net/http"
	"strings"
)

var nvme = crc64.MakeTable(0x9a6c9329ac4bc9b5)

// algorithms are the known checksums, by the last part of their header's name.
var algorithms = map[string]func() hash.Hash{
	"Crc64nvme": func() hash.Hash { return crc64.New(nvme) },
	"Crc32":     func() hash.Hash { return crc32.NewIEEE() },
	"Crc32c":    func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) },
	"Sha1":      sha1.New,
	"Sha256":    sha256.New,
}

const checksumHeader = "X-Amz-Checksum-"

// sum is a checksum and its algorithm.
type sum struct{ algorithm, value string }

func sumOf(algorithm string, body []byte) sum {
	h := algorithms[algorithm]()
	h.Write(body)
	return sum{algorithm, base64.StdEncoding.EncodeToString(h.Sum(nil))}
}

// claimed returns the checksum in a request's headers, or the zero sum.
func claimed(req *Request) sum {
	for a := range algorithms {
		if v := req.Header.Get(checksumHeader + a); v != "" {
			return sum{a, v}
		}
	}
	return sum{}
}

// damaged returns the error code for a body that does not match its headers, or "".
func damaged(req *Request) string {
	if v := req.Header.Get("X-Amz-Content-Sha256"); len(v) == 64 {
		h := sha256.Sum256(req.Body)
		if hex.EncodeToString(h[:]) != v {
			return "XAmzContentSHA256Mismatch"
		}
	} else if strings.HasPrefix(v, "STREAMING-") {
		return "NotImplemented"
	}
	if v := req.Header.Get("Content-Md5"); v != "" {
		h := md5.Sum(req.Body) //nolint:gosec // see the import
		if base64.StdEncoding.EncodeToString(h[:]) != v {
			return "BadDigest"
		}
	}
	if req.Op != "PutObject" && req.Op != "UploadPart" {
		return "" // the header describes the object, not the body
	}
	if c := claimed(req); c.algorithm != "" && sumOf(c.algorithm, req.Body) != c {
		return "BadDigest"
	}
	return ""
}

// etagOf returns the ETag of a body with the header of its object. With encryption by KMS or by a
// customer's key it is not the MD5 of the body.
func etagOf(body []byte, header http.Header) string {
	h := md5.New() //nolint:gosec // see the import
	if sse := header.Get("X-Amz-Server-Side-Encryption"); strings.HasPrefix(sse, "aws:kms") {
		h.Write([]byte(sse))
	}
	h.Write([]byte(header.Get(customerKeyMD5)))
	h.Write(body)
	return `"` + hex.EncodeToString(h.Sum(nil)) + `"`
}

// checksumElement is the element of a checksum in a reply, such as ChecksumCRC32.
type checksumElement struct{ sum }

// MarshalXML implements [xml.Marshaler].
func (c checksumElement) MarshalXML(e *xml.Encoder, _ xml.StartElement) error {
	name := xml.Name{Local: "Checksum" + strings.ToUpper(c.algorithm)}
	return e.EncodeElement(c.value, xml.StartElement{Name: name})
}
