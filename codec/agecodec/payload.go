package agecodec

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"

	"golang.org/x/crypto/chacha20poly1305"
)

const (
	plainChunk  = 64 << 10
	overhead    = chacha20poly1305.Overhead
	sealedChunk = plainChunk + overhead
	nonceSize   = 16 // of the payload, in front of its chunks
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
func (p *payload) next(last bool) []byte {
	n := p.peek(last)
	p.counter++
	return n
}

func (p *payload) peek(last bool) []byte {
	binary.BigEndian.PutUint64(p.nonce[3:11], p.counter)
	p.nonce[11] = 0
	if last {
		p.nonce[11] = 1
	}
	return p.nonce[:]
}

// room returns an empty slice for a sealed chunk. Several are carved from one allocation.
func (p *payload) room() []byte {
	if len(p.slab) < sealedChunk {
		p.slab = make([]byte, 4*sealedChunk)
	}
	r := p.slab[:0:sealedChunk]
	p.slab = p.slab[sealedChunk:]
	return r
}

// blocks cuts a stream of chunks of any size into blocks of size bytes and keeps back the last one, full or not, until it is known
// whether more follows. A block that lies within a chunk stays where it is.
type blocks struct {
	size  int
	held  []byte // at most size bytes
	owned bool   // held is room of ours, not a chunk's memory
	room  func() []byte
	full  func(block []byte) error // a block behind which more follows
}

// push takes the next bytes.
func (b *blocks) push(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	if len(b.held) > 0 {
		if len(b.held) < b.size {
			if !b.owned {
				b.held, b.owned = append(b.room(), b.held...), true
			}
			k := min(b.size-len(b.held), len(p))
			b.held = append(b.held, p[:k]...)
			if p = p[k:]; len(p) == 0 {
				return nil
			}
		}
		block := b.held
		b.held, b.owned = nil, false
		if err := b.full(block); err != nil {
			return err
		}
	}
	for len(p) > b.size {
		block := p[:b.size:b.size]
		p = p[b.size:]
		if err := b.full(block); err != nil {
			return err
		}
	}
	b.held = p
	return nil
}
