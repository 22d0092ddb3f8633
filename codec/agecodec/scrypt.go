package agecodec

import (
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"

	"golang.org/x/crypto/chacha20poly1305"
	//lint:ignore SA1019 the core of Salsa20/8 is what scrypt is built of
	"golang.org/x/crypto/salsa20/salsa"
)

// The parameters of scrypt in the age format: a block size of 8, and no parallelism.
const (
	salsaBlock  = 64
	scryptBlock = 2 * 8 * salsaBlock // bytes
)

// scryptKey derives a key with scrypt (RFC 7914) and a work factor of 2^logN. It uses 2^logN KiB of
// memory. It returns the cause of ctx within milliseconds of a cancellation, which
// golang.org/x/crypto/scrypt cannot do: that would use a core and up to 1 GiB for seconds after the
// run. A test compares the keys of both.
func scryptKey(ctx context.Context, password string, salt []byte, logN int) ([]byte, error) {
	x, err := pbkdf2.Key(sha256.New, password, salt, 1, scryptBlock)
	if err != nil {
		return nil, err
	}
	if err := mixMemory(ctx, (*[scryptBlock]byte)(x), logN); err != nil {
		return nil, err
	}
	return pbkdf2.Key(sha256.New, password, x, 1, chacha20poly1305.KeySize)
}

// mixMemory is scryptROMix (RFC 7914): it fills 2^logN blocks from x, and mixes them into x in an
// order that depends on x.
func mixMemory(ctx context.Context, x *[scryptBlock]byte, logN int) error {
	const step = 1 << 10 // blocks between two checks of ctx: a few milliseconds
	n := 1 << logN
	memory := make([]byte, n*scryptBlock)
	var y [scryptBlock]byte
	for i := range n {
		if i%step == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		copy(memory[i*scryptBlock:], x[:])
		mixBlock(x, &y)
	}
	for i := range n {
		if i%step == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		j := int(binary.LittleEndian.Uint64(x[scryptBlock-salsaBlock:]) & uint64(n-1))
		subtle.XORBytes(x[:], x[:], memory[j*scryptBlock:][:scryptBlock])
		mixBlock(x, &y)
	}
	return nil
}

// mixBlock is scryptBlockMix of x, in place. y is scratch space.
func mixBlock(x, y *[scryptBlock]byte) {
	const half = scryptBlock / 2
	t := [salsaBlock]byte(x[scryptBlock-salsaBlock:])
	for i := 0; i < scryptBlock; i += 2 * salsaBlock {
		subtle.XORBytes(t[:], t[:], x[i:i+salsaBlock])
		salsa.Core208(&t, &t)
		copy(y[i/2:], t[:])
		subtle.XORBytes(t[:], t[:], x[i+salsaBlock:i+2*salsaBlock])
		salsa.Core208(&t, &t)
		copy(y[half+i/2:], t[:])
	}
	*x = *y
}
