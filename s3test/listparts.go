package s3test

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
)

func (s *Server) listParts(b *bucket, req *Request) *Reply {
	type part struct {
		PartNumber, Size                 int
		ETag, LastModified               string
		ChecksumCRC64NVME, ChecksumCRC32 string `xml:",omitempty"`
		ChecksumCRC32C, ChecksumSHA1     string `xml:",omitempty"`
		ChecksumSHA256                   string `xml:",omitempty"`
	}
	type ListPartsResult struct {
		Bucket, Key, UploadId, StorageClass string //nolint:revive // the names of the protocol
		ChecksumAlgorithm, ChecksumType     string `xml:",omitempty"`
		PartNumberMarker, MaxParts          int
		NextPartNumberMarker                int `xml:",omitempty"`
		IsTruncated                         bool
		Part                                []part
	}
	u := b.uploads[req.UploadID]
	if u == nil || u.key != req.Key {
		return refuse(http.StatusNotFound, "NoSuchUpload")
	}
	marker, _ := strconv.Atoi(first(req.Query["part-number-marker"])) // 0 if there is none
	out := ListPartsResult{
		Bucket: req.Bucket, Key: req.Key, UploadId: u.id, StorageClass: "STANDARD", ChecksumType: u.sumType,
		ChecksumAlgorithm: u.algorithmName(), PartNumberMarker: marker, MaxParts: pageSize(req, "max-parts"),
	}
	for _, n := range slices.Sorted(maps.Keys(u.parts)) {
		if n <= marker {
			continue
		}
		if len(out.Part) == out.MaxParts {
			out.IsTruncated, out.NextPartNumberMarker = true, out.Part[out.MaxParts-1].PartNumber
			break
		}
		p := u.parts[n]
		listed := part{PartNumber: n, Size: len(p.body), ETag: p.etag, LastModified: stamp(p.stored)}
		switch p.sum.algorithm {
		case "Crc64nvme":
			listed.ChecksumCRC64NVME = p.sum.value
		case "Crc32":
			listed.ChecksumCRC32 = p.sum.value
		case "Crc32c":
			listed.ChecksumCRC32C = p.sum.value
		case "Sha1":
			listed.ChecksumSHA1 = p.sum.value
		case "Sha256":
			listed.ChecksumSHA256 = p.sum.value
		}
		out.Part = append(out.Part, listed)
	}
	return document(out)
}
