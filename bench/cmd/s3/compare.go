package main

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
)

// compareBody reads the body of a request, decoded if it is aws-chunked, and returns its size. It
// fails unless want begins with the body.
func compareBody(r *http.Request, want []byte) (int, error) {
	if strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		return compare(newChunkedReader(r.Body), want)
	}
	return compare(r.Body, want)
}

// buffers holds the memory of compare.
var buffers = sync.Pool{New: func() any { return new([pace]byte) }}

func compare(r io.Reader, want []byte) (int, error) {
	buffer := buffers.Get().(*[pace]byte)
	defer buffers.Put(buffer)
	for size := 0; ; {
		n, err := r.Read(buffer[:])
		if !bytes.HasPrefix(want[size:], buffer[:n]) {
			return size, errors.New("the object has other bytes")
		}
		size += n
		switch {
		case err == io.EOF: //nolint:errorlint // a wrapped io.EOF is an error, not the end
			return size, nil
		case err != nil:
			return size, err
		}
	}
}
