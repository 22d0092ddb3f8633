package exectest

import (
	"bytes"
	"compress/gzip"
)

// Gzip returns text as the standard library compresses it.
func Gzip(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text)) // a buffer never fails
	_ = z.Close()
	return b.Bytes()
}
