package agecodec_test

import (
	"context"
	"errors"
	"testing"

	"filippo.io/age"

	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/stream"
)

// TestCancelledWithinAChunk: the upstream emits the whole file as one chunk, and does not check the
// context.
func TestCancelledWithinAChunk(t *testing.T) {
	key := newKey(t)
	boom := errors.New("boom")
	data := noise(50 * chunk)
	file := ageEncrypt(t, data, key.Recipient())
	for name, c := range map[string]struct {
		flow flow
		in   []byte
	}{
		"encrypt": {agecodec.Encrypt(key.Recipient()), data},
		"decrypt": {agecodec.Decrypt(key), file},
		"rewrap":  {agecodec.Rewrap([]age.Identity{key}, key.Recipient()), file},
	} {
		ctx, cancel := context.WithCancelCause(ctx)
		calls := 0
		err := stream.Via(pieces(c.in, 0), c.flow).Each(ctx, func([]byte) error {
			calls++
			cancel(boom)
			return nil
		})
		if !errors.Is(err, boom) || calls != 1 {
			t.Errorf("%s: %v after %d chunks", name, err, calls)
		}
	}
}

// TestPieces decrypts and rewraps files that arrive in chunks of many sizes, with more fragments in
// a block than maxFragments and with fewer.
func TestPieces(t *testing.T) {
	key := newKey(t)
	data := noise(5*chunk + 3)
	file := ageEncrypt(t, data, key.Recipient())
	for _, size := range []int{
		511, 4096, 4097, 4098, 5000, chunk / 2, chunk/2 + 8, chunk - 1, chunk, chunk + 1,
		chunk + 15, chunk + 16, chunk + 17, 2*chunk + 31, 2*chunk + 32, 2*chunk + 33,
	} {
		for name, f := range map[string]flow{
			"decrypt": agecodec.Decrypt(key),
			"rewrap":  stream.Then(agecodec.Rewrap([]age.Identity{key}, key.Recipient()), agecodec.Decrypt(key)),
			"encrypt": stream.Then(agecodec.Decrypt(key), stream.Then(agecodec.Encrypt(key.Recipient()),
				agecodec.Decrypt(key))),
		} {
			if got, err := through(f, file, size); err != nil || string(got) != string(data) {
				t.Errorf("%s, chunks of %d: %d bytes, %v", name, size, len(got), err)
			}
		}
	}
}
