package agecodec

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"filippo.io/age"

	"github.com/millweir/millweir/stream"
)

// Decrypt returns a flow that decrypts a binary age file with the first of the identities that fits, the mirror of [Encrypt].
//
//   - In: byte chunks of any size. Out: authenticated chunks of at most 64 KiB. The last 64 KiB come only when the upstream has
//     completed and they are proved to be the end.
//   - Identities: those of [ParseIdentities], [PassphraseIdentity], and any other age.Identity.
//   - Memory: one chunk of the upstream, which is decrypted where it lies, and at most 320 KiB; a header of at most 2 MiB. A
//     passphrase takes 1 KiB × 2^(work factor) while it is tried, so at most 1 GiB by default.
//   - Order and goroutines: fused.
//   - Errors: [ErrNoIdentities] before anything is read; [ErrNoMatch] and [ErrWorkFactor] before anything is emitted; [ErrDamaged],
//     [ErrTruncated]. What age or an identity reported is wrapped beside them.
func Decrypt(identities ...age.Identity) stream.Flow[[]byte, []byte] {
	identities = slices.Clone(identities)
	return stream.FlowFunc[[]byte, []byte](func(src stream.Source[[]byte]) stream.Source[[]byte] {
		return stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
			if err := checkIdentities(identities); err != nil {
				return fmt.Errorf("agecodec: decrypt: %w", err)
			}
			d := &decrypter{identities: identities, emit: emit}
			return d.run(ctx, src)
		})
	})
}

// checkIdentities reports what [Decrypt] refuses.
func checkIdentities(identities []age.Identity) error {
	if len(identities) == 0 {
		return ErrNoIdentities
	}
	for _, id := range identities {
		if isNil(id) {
			return errNilIdentity
		}
	}
	return nil
}

// decrypter is one run of Decrypt.
type decrypter struct {
	identities []age.Identity
	emit       func([]byte) error

	head    headCutter
	fileKey []byte
	nonce   []byte
	payload *payload // nil until the nonce is there
	blocks  blocks
}

func (d *decrypter) run(ctx context.Context, src stream.Source[[]byte]) error {
	defer func() { clear(d.fileKey) }()
	var failed error
	err := src.Each(ctx, func(p []byte) error {
		if failed == nil {
			failed = d.push(p)
		}
		return failed
	})
	if err == nil {
		err = failed
	}
	if err == nil {
		err = d.end()
	}
	return err
}

// fail gives an error of this stage its name.
func (*decrypter) fail(err error) error { return fmt.Errorf("agecodec: decrypt: %w", err) }

// push takes the next bytes of the file.
func (d *decrypter) push(p []byte) error {
	if d.fileKey == nil {
		head, rest, err := d.head.push(p)
		if err != nil {
			return d.fail(err)
		}
		if head == nil {
			return nil
		}
		if d.fileKey, err = openHeader(head, d.identities); err != nil {
			return d.fail(err)
		}
		p = rest
	}
	if d.payload == nil {
		k := min(nonceSize-len(d.nonce), len(p))
		d.nonce = append(d.nonce, p[:k]...)
		p = p[k:]
		if len(d.nonce) < nonceSize {
			return nil
		}
		pl, err := newPayload(d.fileKey, d.nonce)
		if err != nil {
			return d.fail(err)
		}
		clear(d.fileKey)
		d.payload = pl
		d.blocks = blocks{size: sealedChunk, room: pl.room, full: d.open}
	}
	return d.blocks.push(p)
}

// open emits a chunk that is not the last. It is opened where it lies.
func (d *decrypter) open(block []byte) error {
	plain, err := d.payload.aead.Open(block[:0], d.payload.next(false), block, nil)
	if err != nil {
		return d.fail(fmt.Errorf("%w: chunk %d does not authenticate", ErrDamaged, d.payload.counter))
	}
	return d.emit(plain[:len(plain):len(plain)])
}

// end opens the last chunk.
func (d *decrypter) end() error {
	switch {
	case d.fileKey == nil:
		return d.fail(d.head.end())
	case d.payload == nil, len(d.blocks.held) == 0:
		return d.fail(ErrTruncated)
	}
	p, block := d.payload, d.blocks.held
	d.blocks.held = nil
	plain, err := p.aead.Open(nil, p.peek(true), block, nil)
	switch {
	case err != nil && len(block) == sealedChunk:
		if _, err := p.aead.Open(nil, p.peek(false), block, nil); err == nil {
			return d.fail(ErrTruncated) // a whole chunk, but not the last
		}
		fallthrough
	case err != nil:
		return d.fail(fmt.Errorf("%w: the last chunk does not authenticate, or is cut short", ErrDamaged))
	case len(plain) == 0 && p.counter > 0:
		return d.fail(fmt.Errorf("%w: the last chunk is empty", ErrDamaged))
	case len(plain) == 0:
		return nil
	}
	return d.emit(plain)
}

// openHeader returns the file key of a header that is complete.
func openHeader(head []byte, identities []age.Identity) ([]byte, error) {
	k := &keyring{identities: identities}
	fileKey, err := age.DecryptHeader(head, k)
	var none *age.NoIdentityMatchError
	switch {
	case err == nil:
		return fileKey, nil
	case errors.As(err, &none):
		return nil, fmt.Errorf("%w: %w", ErrNoMatch, err)
	case k.failed:
		return nil, err
	}
	return nil, fmt.Errorf("%w: %w", ErrDamaged, err) // the header does not parse, or its MAC is wrong
}

// keyring is all identities as one, so that a failure of an identity can be told from a failure of the header.
type keyring struct {
	identities []age.Identity
	failed     bool
}

// Unwrap implements [age.Identity].
func (k *keyring) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	var misses []error
	for _, id := range nativeFirst(k.identities) {
		fileKey, err := id.Unwrap(stanzas)
		switch {
		case err == nil:
			return fileKey, nil
		case !errors.Is(err, age.ErrIncorrectIdentity):
			k.failed = true
			return nil, err
		}
		misses = append(misses, err)
	}
	return nil, errors.Join(misses...)
}

// nativeFirst returns the identities with those in front that ask nobody for anything.
func nativeFirst(identities []age.Identity) []age.Identity {
	var native, others []age.Identity
	for _, id := range identities {
		switch id.(type) {
		case *age.X25519Identity, *age.HybridIdentity, *age.ScryptIdentity, passphrase:
			native = append(native, id)
		default:
			others = append(others, id)
		}
	}
	return append(native, others...)
}
