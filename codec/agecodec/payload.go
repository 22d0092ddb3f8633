package agecodec

import (
	"context"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

const (
	plainChunkSize  = 64 << 10
	overhead        = chacha20poly1305.Overhead
	sealedChunkSize = plainChunkSize + overhead
	nonceSize       = 16 // of the payload, in front of its chunks
)

// chunkFlag is the last byte of a chunk's nonce.
type chunkFlag byte

const (
	moreChunks chunkFlag = 0
	lastChunk  chunkFlag = 1
)

// payload seals or opens the chunks of one file in turn.
type payload struct {
	aead    cipher.AEAD
	counter uint64
	nonce   [chacha20poly1305.NonceSize]byte
	slab    []byte // room for chunks to come
}

// newPayload derives the payload's key.
func newPayload(fileKey, nonce []byte) (*payload, error) {
	key, err := hkdf.Key(sha256.New, fileKey, nonce, "payload", chacha20poly1305.KeySize)
	if err != nil {
		return nil, err
	}
	aead, err := chacha20poly1305.New(key)
	clear(key)
	if err != nil {
		return nil, err
	}
	return &payload{aead: aead}, nil
}

// next returns the nonce of the next chunk: a counter of 88 bits, of which 64 last for more than any file, and the flag of the last.
func (p *payload) nextNonce(flag chunkFlag) []byte {
	n := p.nonceFor(flag)
	p.counter++
	return n
}

func (p *payload) nonceFor(flag chunkFlag) []byte {
	binary.BigEndian.PutUint64(p.nonce[3:11], p.counter)
	p.nonce[11] = byte(flag)
	return p.nonce[:]
}

// room returns an empty slice for a sealed chunk. Several are carved from one allocation.
func (p *payload) newChunk() []byte {
	if len(p.slab) < sealedChunkSize {
		p.slab = make([]byte, 4*sealedChunkSize)
	}
	r := p.slab[:0:sealedChunkSize]
	p.slab = p.slab[sealedChunkSize:]
	return r
}

// open returns the content of a chunk that is not the last, opened into dst: block[:0], or memory apart from block.
func (p *payload) open(dst, block []byte) ([]byte, error) {
	plain, err := p.aead.Open(dst, p.nextNonce(moreChunks), block, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: chunk %d does not authenticate", ErrDamaged, p.counter)
	}
	return plain, nil
}

// last returns the content of the last chunk, in memory of its own.
func (p *payload) openLast(block []byte) ([]byte, error) {
	if len(block) == 0 {
		return nil, ErrTruncated
	}
	plain, err := p.aead.Open(nil, p.nonceFor(lastChunk), block, nil)
	switch {
	case err == nil && len(plain) == 0 && p.counter > 0:
		return nil, fmt.Errorf("%w: the last chunk is empty", ErrDamaged)
	case err == nil:
		return plain, nil
	case len(block) == sealedChunkSize:
		if _, err := p.aead.Open(nil, p.nonceFor(moreChunks), block, nil); err == nil {
			return nil, ErrTruncated // a whole chunk, but not the last
		}
	}
	return nil, fmt.Errorf("%w: the last chunk does not authenticate, or is cut short", ErrDamaged)
}

// heeding returns emit, which refuses once ctx is done: one chunk of the upstream can become very many.
func cancelable(ctx context.Context, emit func([]byte) error) func([]byte) error {
	return func(p []byte) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return emit(p)
	}
}
