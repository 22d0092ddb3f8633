// Package chunktest makes byte streams for tests.
package chunktest

import (
	"bytes"
	"context"
	"math/rand/v2"

	"github.com/millweir/millweir/stream"
)

// Pieces returns a source of data in chunks of size bytes. Each chunk is a new slice. A size of 0
// means one chunk.
func Pieces(data []byte, size int) stream.Source[[]byte] {
	return stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
		for rest := data; len(rest) > 0; {
			n := len(rest)
			if size > 0 {
				n = min(size, n)
			}
			if err := emit(bytes.Clone(rest[:n])); err != nil {
				return err
			}
			rest = rest[n:]
		}
		return nil
	})
}

// Noise returns n random bytes, the same in every call.
func Noise(n int) []byte {
	p := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(p)
	return p
}
