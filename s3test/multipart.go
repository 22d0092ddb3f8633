package s3test

import (
	"bytes"
	"crypto/md5" //nolint:gosec // S3's ETags are MD5
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"time"
)

// upload is an unfinished multipart upload.
type upload struct {
	id, key   string
	began     time.Time
	header    http.Header
	algorithm string // of the checksums, as in the header's name; "" for none
	sumType   string
	parts     map[int]stored
}

// stored is a part of an upload.
type stored struct {
	body   []byte
	etag   string
	sum    sum
	stored time.Time
}

// algorithmName returns the checksum's name as the protocol writes it.
func (u *upload) algorithmName() string { return strings.ToUpper(u.algorithm) }

// Uploads returns the ids of the unfinished multipart uploads to a bucket.
func (s *Server) Uploads(bucket string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return keys(s.bucket(bucket).uploads, "", "")
}

// DropPart removes a stored part from an upload, like a service that loses data.
func (s *Server) DropPart(bucket, uploadID string, part int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.upload(bucket, uploadID).parts, part)
}

// AbortUpload aborts an upload, as a lifecycle rule does.
func (s *Server) AbortUpload(bucket, uploadID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.bucket(bucket).uploads, uploadID)
}

// Age moves the beginning of an upload back by the given time.
func (s *Server) Age(bucket, uploadID string, by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.upload(bucket, uploadID)
	u.began = u.began.Add(-by)
}

// upload returns an upload, and panics if it does not exist. The caller holds s.mu.
func (s *Server) upload(bucket, id string) *upload {
	u := s.bucket(bucket).uploads[id]
	if u == nil {
		panic(fmt.Sprintf("s3test: there is no upload %q to %s", id, bucket))
	}
	return u
}

func document(v any) *Reply {
	body, err := xml.Marshal(v)
	if err != nil {
		panic(err)
	}
	return &Reply{Body: append([]byte(xml.Header), body...), Header: http.Header{"Content-Type": {"application/xml"}}}
}

func (s *Server) createUpload(b *bucket, req *Request) *Reply {
	u := &upload{
		id: s.next("upload-"), key: req.Key, began: time.Now(), header: keep(req.Header), parts: map[int]stored{},
	}
	if a := req.Header.Get("X-Amz-Checksum-Algorithm"); a != "" {
		u.algorithm = http.CanonicalHeaderKey(strings.ToLower(a))
		u.sumType = req.Header.Get("X-Amz-Checksum-Type")
		switch {
		case algorithms[u.algorithm] == nil:
			return refuse(http.StatusNotImplemented, "NotImplemented")
		case u.sumType == "" && u.algorithm == "Crc64nvme":
			u.sumType = "FULL_OBJECT"
		case u.sumType == "":
			u.sumType = "COMPOSITE"
		}
	}
	b.uploads[u.id] = u
	type InitiateMultipartUploadResult struct{ Bucket, Key, UploadId string } //nolint:revive // protocol names
	reply := document(InitiateMultipartUploadResult{req.Bucket, req.Key, u.id})
	encryption(reply.Header, u.header)
	return reply
}

func (s *Server) uploadPart(b *bucket, req *Request) *Reply {
	u := b.uploads[req.UploadID]
	switch c := claimed(req); {
	case u == nil || u.key != req.Key:
		return refuse(http.StatusNotFound, "NoSuchUpload")
	case req.Part < 1 || req.Part > s.opts.MaxParts:
		return refuse(http.StatusBadRequest, "InvalidArgument")
	case u.algorithm != "" && c.algorithm != "" && c.algorithm != u.algorithm:
		return refuse(http.StatusBadRequest, "InvalidRequest")
	default:
		p := stored{body: req.Body, etag: etagOf(req.Body, u.header), sum: c}
		p.stored = time.Now()
		u.parts[req.Part] = p
		h := http.Header{"Etag": {p.etag}}
		if c.algorithm != "" {
			h.Set(checksumHeader+c.algorithm, c.value)
		}
		encryption(h, u.header)
		return &Reply{Header: h}
	}
}

// completion is the body of CompleteMultipartUpload.
type completion struct {
	Part []struct {
		PartNumber                               int
		ETag                                     string
		ChecksumCRC32, ChecksumCRC32C            string
		ChecksumCRC64NVME                        string
		ChecksumSHA1, ChecksumSHA256             string
		ChecksumMD5, ChecksumSHA512, ChecksumXXH string
	}
}

func (s *Server) completeUpload(b *bucket, req *Request) *Reply {
	u := b.uploads[req.UploadID]
	if u == nil || u.key != req.Key {
		if reply := b.completed[req.UploadID]; reply != nil && s.opts.Service == VersityGW {
			return reply
		}
		return refuse(http.StatusNotFound, "NoSuchUpload")
	}
	if req.Header.Get("If-None-Match") == "*" && b.current(req.Key) != nil {
		return refuse(http.StatusPreconditionFailed, "PreconditionFailed")
	}
	var list completion
	if err := xml.Unmarshal(req.Body, &list); err != nil || len(list.Part) == 0 {
		return refuse(http.StatusBadRequest, "MalformedXML")
	}
	var (
		body   bytes.Buffer
		digest = md5.New() //nolint:gosec // see the import
		sums   []byte      // the checksums of the parts
		sizes  []int
	)
	for i, named := range list.Part {
		p, ok := u.parts[named.PartNumber]
		given := named.ChecksumCRC64NVME + named.ChecksumCRC32 + named.ChecksumCRC32C +
			named.ChecksumSHA1 + named.ChecksumSHA256
		switch {
		case i > 0 && named.PartNumber <= list.Part[i-1].PartNumber:
			return refuse(http.StatusBadRequest, "InvalidPartOrder")
		case !ok, strings.Trim(named.ETag, `"`) != strings.Trim(p.etag, `"`),
			given != "" && (u.algorithm == "" || given != p.sum.value), // not announced, or of another part
			given == "" && u.sumType == "COMPOSITE":
			return refuse(http.StatusBadRequest, "InvalidPart")
		case i < len(list.Part)-1 && int64(len(p.body)) < s.opts.MinPartSize:
			return refuse(http.StatusBadRequest, "EntityTooSmall")
		}
		body.Write(p.body)
		sizes = append(sizes, len(p.body))
		if u.sumType == "COMPOSITE" {
			sum, err := base64.StdEncoding.DecodeString(p.sum.value)
			if err != nil {
				panic(err)
			}
			sums = append(sums, sum...)
		}
		raw, err := hex.DecodeString(strings.Trim(p.etag, `"`))
		if err != nil {
			panic(err)
		}
		digest.Write(raw)
	}
	if s.opts.Service == CloudflareR2 && unequal(sizes) {
		return refuseWith(http.StatusBadRequest, "InvalidPart",
			"All non-trailing parts must have the same length.")
	}
	o := &Object{Key: u.key, Body: body.Bytes(), Header: u.header, Parts: len(sizes), partSizes: sizes}
	if n := req.Header.Get("X-Amz-Mp-Object-Size"); n != "" && n != strconv.Itoa(len(o.Body)) {
		return refuseWith(http.StatusBadRequest, "InvalidRequest",
			"The provided 'x-amz-mp-object-size' header value does not match what was computed")
	}
	if u.sumType == "COMPOSITE" {
		o.sum, o.sumType = sumOf(u.algorithm, sums), u.sumType
		o.sum.value += fmt.Sprint("-", len(sizes))
	}
	if u.sumType == "FULL_OBJECT" {
		o.sum, o.sumType = sumOf(u.algorithm, o.Body), u.sumType
		if c := claimed(req); c.algorithm != "" && c != o.sum {
			return refuse(http.StatusBadRequest, "BadDigest")
		}
	}
	o.ETag = fmt.Sprintf(`"%x-%d"`, digest.Sum(nil), len(list.Part))
	delete(b.uploads, u.id)
	s.store(b, o)
	type CompleteMultipartUploadResult struct { //nolint:revive // the names of the protocol
		Location, Bucket, Key, ETag string
		ChecksumType                string `xml:",omitempty"`
		Checksum                    *checksumElement
	}
	out := CompleteMultipartUploadResult{
		Location: s.URL + "/" + req.Bucket + "/" + req.Key, Bucket: req.Bucket, Key: req.Key, ETag: o.ETag,
	}
	if o.sum.algorithm != "" {
		out.Checksum, out.ChecksumType = &checksumElement{o.sum}, o.sumType
	}
	reply := document(out)
	if o.VersionID != "" {
		reply.Header.Set("X-Amz-Version-Id", o.VersionID)
	}
	encryption(reply.Header, o.Header)
	if s.opts.Service == VersityGW {
		again := *reply
		b.completed[u.id] = &again
	}
	return reply
}

func (s *Server) abortUpload(b *bucket, req *Request) *Reply {
	if u := b.uploads[req.UploadID]; u == nil || u.key != req.Key {
		return refuse(http.StatusNotFound, "NoSuchUpload")
	}
	delete(b.uploads, req.UploadID)
	return &Reply{Status: http.StatusNoContent}
}

// sorted returns the uploads in list order: by key, then by age.
func (b *bucket) sorted(prefix string) []*upload {
	var out []*upload
	for _, u := range b.uploads {
		if strings.HasPrefix(u.key, prefix) {
			out = append(out, u)
		}
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].key != out[j].key {
			return out[i].key < out[j].key
		}
		return len(out[i].id) < len(out[j].id) || len(out[i].id) == len(out[j].id) && out[i].id < out[j].id
	})
	return out
}
