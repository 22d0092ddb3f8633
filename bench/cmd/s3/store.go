package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// store answers every GET with the same bytes, and accepts only uploads of these bytes. The key of a
// request makes no difference.
type store struct {
	body []byte
	sum  string

	mu      sync.Mutex
	uploads map[string]map[int][]byte // the parts by number
}

func newStore(body []byte) *store {
	sum := binary.BigEndian.AppendUint64(nil, crc64.Checksum(body, crc64.MakeTable(0x9a6c9329ac4bc9b5)))
	return &store{body: body, sum: base64.StdEncoding.EncodeToString(sum), uploads: map[string]map[int][]byte{}}
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
	body, err := readBody(r)
	if err != nil {
		return err
	}
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
	case id == "" && !bytes.Equal(body, s.body):
		return errors.New("the object has other bytes")
	case number > 0:
		s.mu.Lock()
		defer s.mu.Unlock()
		s.uploads[id][number] = body
	case id != "":
		return s.complete(w, id, r.Header.Get(checksumCRC64))
	}
	return nil
}

func (s *store) create(w io.Writer) error {
	type InitiateMultipartUploadResult struct{ Bucket, Key, UploadId string } //nolint:revive // protocol names
	s.mu.Lock()
	defer s.mu.Unlock()
	id := strconv.Itoa(len(s.uploads))
	s.uploads[id] = map[int][]byte{}
	return xml.NewEncoder(w).Encode(InitiateMultipartUploadResult{"bench", "object", id})
}

// complete compares the parts of an upload with the object.
func (s *store) complete(w io.Writer, id, sum string) error {
	s.mu.Lock()
	parts := s.uploads[id]
	s.uploads[id] = nil
	s.mu.Unlock()
	rest := s.body
	for _, n := range sortedKeys(parts) {
		if !bytes.HasPrefix(rest, parts[n]) {
			return fmt.Errorf("part %d has other bytes", n)
		}
		rest = rest[len(parts[n]):]
	}
	if len(rest) > 0 {
		return fmt.Errorf("%d bytes are missing", len(rest))
	}
	type CompleteMultipartUploadResult struct{ Bucket, Key, ETag, ChecksumCRC64NVME, ChecksumType string }
	return xml.NewEncoder(w).Encode(CompleteMultipartUploadResult{"bench", "object", etag, sum, "FULL_OBJECT"})
}

func sortedKeys(parts map[int][]byte) []int {
	var keys []int
	for n := range parts {
		keys = append(keys, n)
	}
	slices.Sort(keys)
	return keys
}

// readBody returns the body of a request, decoded if it is aws-chunked.
func readBody(r *http.Request) ([]byte, error) {
	if !strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		return readAll(r.Body, r.ContentLength)
	}
	size, err := strconv.ParseInt(r.Header.Get("X-Amz-Decoded-Content-Length"), 10, 64)
	if err != nil {
		return nil, err
	}
	return readAll(newChunkedReader(r.Body), size)
}

// readAll reads r, which has size bytes, to its end.
func readAll(r io.Reader, size int64) ([]byte, error) {
	body := make([]byte, max(0, size))
	n, err := io.ReadFull(r, body)
	if err != nil {
		return nil, fmt.Errorf("%d of %d bytes came: %w", n, size, err)
	}
	if more, err := io.Copy(io.Discard, r); more > 0 || err != nil {
		return nil, fmt.Errorf("%d bytes too many: %w", more, err)
	}
	return body, nil
}
