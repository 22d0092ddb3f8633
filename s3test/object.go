package s3test

import (
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// Object is an object that the server stores.
type Object struct {
	Key       string
	Body      []byte
	ETag      string // with quotes
	VersionID string
	Modified  time.Time
	Header    http.Header // Content-Type, user metadata, encryption and the like, as the client sent them
	Parts     int         // number of parts; 0 for a PutObject

	DeleteMarker bool // instead of an object, in a versioned bucket

	partSizes []int
	sum       sum
	sumType   string
}

// kept are the request headers that an object keeps, as well as user metadata.
var kept = []string{
	"Content-Type", "Content-Encoding", "Content-Disposition", "Cache-Control",
	lockMode, lockUntil, legalHold,
	"X-Amz-Storage-Class", "X-Amz-Acl", "X-Amz-Tagging",
	"X-Amz-Server-Side-Encryption", "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id", customerAlgorithm, customerKeyMD5,
}

func keep(h http.Header) http.Header {
	out := http.Header{}
	for _, k := range kept {
		if v := h.Get(k); v != "" {
			out.Set(k, v)
		}
	}
	for k, v := range h {
		if strings.HasPrefix(k, "X-Amz-Meta-") {
			out[k] = v
		}
	}
	return out
}

// Put stores an object, or replaces one, as a client does with PutObject.
func (s *Server) Put(bucket, key string, body []byte) *Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := &Object{Key: key, Body: append([]byte(nil), body...), Header: http.Header{}}
	if s.opts.Service.keepsChecksums() {
		o.sum, o.sumType = sumOf("Crc64nvme", body), "FULL_OBJECT"
	}
	o.ETag = etagOf(body, nil)
	return s.store(s.bucket(bucket), o)
}

// Object returns the object at key, or nil. The caller must not change it.
func (s *Server) Object(bucket, key string) *Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bucket(bucket).current(key)
}

// Versions returns the versions of an object, the oldest first. The caller must not change them.
func (s *Server) Versions(bucket, key string) []*Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.bucket(bucket).objects[key])
}

// Remove deletes an object with all its versions.
func (s *Server) Remove(bucket, key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.bucket(bucket).objects, key)
}

func (b *bucket) current(key string) *Object {
	if v := b.objects[key]; len(v) > 0 && !v[len(v)-1].DeleteMarker {
		return v[len(v)-1]
	}
	return nil
}

// version returns a version of an object or a delete marker, or nil. "" means the newest.
func (b *bucket) version(key, id string) *Object {
	all := b.objects[key]
	for i, v := range all {
		if v.VersionID == id || id == "" && i == len(all)-1 || id == "null" && v.VersionID == "" {
			return v
		}
	}
	return nil
}

// store makes o the current object of its key. The caller holds s.mu.
func (s *Server) store(b *bucket, o *Object) *Object {
	o.Modified = time.Now()
	if s.opts.Versioned {
		o.VersionID = s.next("version-")
		b.objects[o.Key] = append(b.objects[o.Key], o)
	} else {
		b.objects[o.Key] = []*Object{o}
	}
	return o
}

func (s *Server) putObject(b *bucket, req *Request) *Reply {
	if req.Header.Get("If-None-Match") == "*" && b.current(req.Key) != nil {
		return refuse(http.StatusPreconditionFailed, "PreconditionFailed")
	}
	o := &Object{Key: req.Key, Body: req.Body, Header: keep(req.Header), sum: claimed(req), sumType: "FULL_OBJECT"}
	if o.sum.algorithm == "" && s.opts.Service.keepsChecksums() {
		o.sum = sumOf("Crc64nvme", req.Body) // as S3 does since 2024
	}
	o.ETag = etagOf(req.Body, o.Header)
	h := s.store(b, o).headers(true)
	encryption(h, o.Header)
	return &Reply{Header: h}
}

// encryption copies an object's encryption headers into a reply, as S3 does.
func encryption(reply, object http.Header) {
	for k, v := range object {
		if strings.HasPrefix(k, "X-Amz-Server-Side-Encryption") {
			reply[k] = v
		}
	}
}

// headers returns the reply headers that describe o.
func (o *Object) headers(sums bool) http.Header {
	h := http.Header{"Etag": {o.ETag}}
	if o.VersionID != "" {
		h.Set("X-Amz-Version-Id", o.VersionID)
	}
	if sums && o.sum.algorithm != "" {
		h.Set(checksumHeader+o.sum.algorithm, o.sum.value)
		h.Set(checksumHeader+"Type", o.sumType)
	}
	return h
}

func (s *Server) getObject(b *bucket, req *Request) *Reply {
	id := first(req.Query["versionId"])
	o := b.version(req.Key, id)
	if o == nil {
		return refuse(http.StatusNotFound, "NoSuchKey")
	}
	if o.DeleteMarker {
		reply := refuse(http.StatusNotFound, "NoSuchKey")
		if id != "" {
			reply = refuse(http.StatusMethodNotAllowed, "MethodNotAllowed")
		}
		reply.Header.Set("X-Amz-Delete-Marker", "true")
		reply.Header.Set("X-Amz-Version-Id", o.VersionID)
		return reply
	}
	if m := req.Header.Get("If-Match"); m != "" && m != o.ETag && m != "*" {
		return refuse(http.StatusPreconditionFailed, "PreconditionFailed")
	}
	body, status := o.Body, http.StatusOK
	h := o.headers(false)
	if rng := req.Header.Get("Range"); rng != "" {
		from, to, ok := span(rng, len(body))
		if !ok {
			return refuse(http.StatusRequestedRangeNotSatisfiable, "InvalidRange")
		}
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, len(body)))
		body, status = body[from:to], http.StatusPartialContent
	}
	if req.Part != 0 {
		from, to, ok := o.part(req.Part)
		if !ok {
			return refuse(http.StatusRequestedRangeNotSatisfiable, "InvalidPartNumber")
		}
		if len(body) > 0 {
			h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, len(body)))
		}
		if o.Parts > 0 {
			h.Set("X-Amz-Mp-Parts-Count", strconv.Itoa(o.Parts))
		}
		body, status = body[from:to], http.StatusPartialContent
	}
	if req.Header.Get("X-Amz-Checksum-Mode") == "ENABLED" && len(body) == len(o.Body) {
		for k, v := range o.headers(true) {
			h[k] = v
		}
	}
	for k, v := range o.Header {
		h[k] = v
	}
	h.Set("Accept-Ranges", "bytes")
	h.Set("Last-Modified", o.Modified.UTC().Format(http.TimeFormat))
	return &Reply{Status: status, Header: h, Body: body}
}

// part returns where a part of o begins and ends. An object without parts is its only part.
func (o *Object) part(n int) (from, to int, ok bool) {
	if o.Parts == 0 {
		return 0, len(o.Body), n == 1
	}
	if n < 1 || n > o.Parts {
		return 0, 0, false
	}
	for _, size := range o.partSizes[:n-1] {
		from += size
	}
	return from, from + o.partSizes[n-1], true
}

// span reads a Range header over size bytes.
func span(rng string, size int) (from, to int, ok bool) {
	a, b, _ := strings.Cut(strings.TrimPrefix(rng, "bytes="), "-")
	from, err := strconv.Atoi(a)
	if a == "" {
		n, err := strconv.Atoi(b)
		return max(size-n, 0), size, err == nil && n > 0 && size > 0
	}
	if err != nil || from >= size {
		return 0, 0, false
	}
	last, err := strconv.Atoi(b)
	if b == "" {
		last, err = size-1, nil
	}
	return from, min(last+1, size), err == nil && last >= from
}

func first(v []string) string {
	if len(v) == 0 {
		return ""
	}
	return v[0]
}

// keys returns the keys of m that begin with prefix and come after a marker, in order.
func keys[V any](m map[string]V, prefix, after string) []string {
	var out []string
	for k := range m {
		if strings.HasPrefix(k, prefix) && k > after {
			out = append(out, k)
		}
	}
	sort.Strings(out)
	return out
}
