package agecodec_test

import (
	"bytes"
	"context"
	"testing"

	"filippo.io/age"

	"github.com/millweir/millweir/internal/chunktest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

var (
	pieces = chunktest.Pieces
	noise  = chunktest.Noise
)

var ctx = context.Background()

// flow is short for the flows of this package.
type flow = stream.Flow[[]byte, []byte]

// through runs data through f in chunks of size bytes; 0 means one chunk.
func through(f flow, data []byte, size int) ([]byte, error) {
	out, err := stream.Run(ctx, stream.Via(pieces(data, size), f), sink.Slice[[]byte]())
	return bytes.Join(out, nil), err
}

// must returns a function that takes a result and fails the test on an error.
func must(t testing.TB) func([]byte, error) []byte {
	return func(p []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
}

// newKey returns a fresh X25519 key.
func newKey(t testing.TB) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// newHybridKey returns a fresh post-quantum key.
func newHybridKey(t testing.TB) *age.HybridIdentity {
	t.Helper()
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}
