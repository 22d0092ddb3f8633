package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"hash/crc64"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/millweir/millweir/bench/cmd/s3/transfers"
)

// store answers every GET with the same bytes, and accepts only uploads of these bytes, in parts of
// transfers.PartSize. The key of a request makes no difference.
//
// A part is compared while it is read. A comparison of all bytes in the last request would take longer
// than the latency and the bandwidth that the far cases are about.
type store struct {
	body []byte
	sum  string

	mu      sync.Mutex
	uploads map[string]map[int]int // the sizes of the parts by number
}

func newStore(body []byte) *store {
	sum := binary.BigEndian.AppendUint64(nil, crc64.Checksum(body, crc64.MakeTable(0x9a6c9329ac4bc9b5)))
	return &store{body: body, sum: base64.StdEncoding.EncodeToString(sum), uploads: map[string]map[int]int{}}
}

const etag, checksumCRC64 = `"0123"`, "X-Amz-Checksum-Crc64nvme"

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Etag", etag)
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		s.get(w, r)
		return
	case http.MethodDelete: // of an upload that failed
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if err := s.write(w, r); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

func (s *store) get(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Last-Modified", "Sun, 29 Nov 2026 00:00:00 GMT")
	from, to, status := 0, len(s.body), http.StatusOK
	if rng := r.Header.Get("Range"); rng != "" {
		var last int
		if _, err := fmt.Sscanf(rng, "bytes=%d-%d", &from, &last); err != nil || from > last || from >= to {
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return
		}
		to, status = min(last+1, to), http.StatusPartialContent
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, len(s.body)))
	} else if r.Header.Get("X-Amz-Checksum-Mode") != "" {
		h.Set(checksumCRC64, s.sum)
		h.Set("X-Amz-Checksum-Type", "FULL_OBJECT")
	}
	h.Set("Content-Length", strconv.Itoa(to-from))
	w.WriteHeader(status)
	if r.Method == http.MethodGet {
		_, _ = w.Write(s.body[from:to]) // fails if the client has left
	}
}

// write executes a request of an upload.
func (s *store) write(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	id := query.Get("uploadId")
	number, _ := strconv.Atoi(query.Get("partNumber")) // 0 if there is none
	for name, v := range r.Header {
		if strings.HasPrefix(name, "X-Amz-Checksum-") {
			w.Header()[name] = v // confirmed
		}
	}
	switch {
	case query.Has("uploads"):
		return s.create(w)
	case id == "":
		return s.put(r)
	case number > 0:
		return s.putPart(r, id, number)
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil { // the list of the parts
		return err
	}
	return s.complete(w, id, r.Header.Get(checksumCRC64))
}

// put compares a body with the object.
func (s *store) put(r *http.Request) error {
	size, err := compareBody(r, s.body)
	if err == nil && size < len(s.body) {
		err = fmt.Errorf("%d bytes are missing", len(s.body)-size)
	}
	return err
}

// putPart compares a part with the bytes of the object at its place.
func (s *store) putPart(r *http.Request, id string, number int) error {
	size, err := compareBody(r, s.body[min((number-1)*transfers.PartSize, len(s.body)):])
	if err != nil {
		return fmt.Errorf("part %d: %w", number, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.uploads[id][number] = size
	return nil
}

func (s *store) create(w io.Writer) error {
	type InitiateMultipartUploadResult struct{ Bucket, Key, UploadId string } //nolint:revive // protocol names
	s.mu.Lock()
	defer s.mu.Unlock()
	id := strconv.Itoa(len(s.uploads))
	s.uploads[id] = map[int]int{}
	return xml.NewEncoder(w).Encode(InitiateMultipartUploadResult{"bench", "object", id})
}

// complete ends an upload if its parts are the whole object.
func (s *store) complete(w io.Writer, id, sum string) error {
	s.mu.Lock()
	parts := s.uploads[id]
	s.uploads[id] = nil
	s.mu.Unlock()
	end := 0
	for n := range len(parts) {
		if n*transfers.PartSize != end {
			return fmt.Errorf("part %d does not begin where the one before it ends", n+1)
		}
		end += parts[n+1]
	}
	if end < len(s.body) {
		return fmt.Errorf("%d bytes are missing", len(s.body)-end)
	}
	type CompleteMultipartUploadResult struct{ Bucket, Key, ETag, ChecksumCRC64NVME, ChecksumType string }
	return xml.NewEncoder(w).Encode(CompleteMultipartUploadResult{"bench", "object", etag, sum, "FULL_OBJECT"})
}
