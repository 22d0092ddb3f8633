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
	nonceSize       = 16 // before the payload's chunks
)

// chunkFlag is the last byte of a chunk's nonce.
type chunkFlag byte

const (
	moreChunks chunkFlag = 0
	lastChunk  chunkFlag = 1
)

// payload encrypts or decrypts the chunks of one file, in order.
type payload struct {
	aead    cipher.AEAD
	counter uint64
	nonce   [chacha20poly1305.NonceSize]byte
	slab    []byte // free memory for sealed chunks
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

// nextNonce returns the nonce of the next chunk: a counter of 88 bits and the flag. The low 64 bits
// of the counter suffice for every file.
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

// newChunk returns an empty slice with the capacity of a sealed chunk. One allocation serves
// several chunks.
func (p *payload) newChunk() []byte {
	if len(p.slab) < sealedChunkSize {
		p.slab = make([]byte, 4*sealedChunkSize)
	}
	r := p.slab[:0:sealedChunkSize]
	p.slab = p.slab[sealedChunkSize:]
	return r
}

// open decrypts a chunk that is not the last into dst, which is block[:0] or separate memory.
func (p *payload) open(dst, block []byte) ([]byte, error) {
	plain, err := p.aead.Open(dst, p.nextNonce(moreChunks), block, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: chunk %d does not authenticate", ErrDamaged, p.counter)
	}
	return plain, nil
}

// openLast decrypts the last chunk into new memory.
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
			return nil, ErrTruncated // the chunk is complete, but not the last
		}
	}
	return nil, fmt.Errorf("%w: the last chunk does not authenticate, or is cut short", ErrDamaged)
}

// cancelable returns emit with a check of ctx before each call, because one chunk of the upstream
// can become many.
func cancelable(ctx context.Context, emit func([]byte) error) func([]byte) error {
	return func(p []byte) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return emit(p)
	}
}
