package agecodec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"filippo.io/age"

	"github.com/millweir/millweir/internal/lend"
	"github.com/millweir/millweir/internal/redact"
	"github.com/millweir/millweir/stream"
)

// Decrypt returns a flow that decrypts an age file, binary or armored, with the first identity that
// matches. Its inverse is [Encrypt].
//
//   - In: byte chunks of any size.
//   - Out: authenticated chunks of at most 64 KiB, never an empty one. The last chunk is emitted
//     only after the upstream has completed and the chunk is proved to be the end. Nothing is
//     emitted after damage.
//   - Identities: from [ParseIdentities] or [PassphraseIdentity], or any other age.Identity.
//   - Stop: if the downstream stops early, the upstream stops too and the rest is not verified. Use
//     [DecryptWhole] to verify it. The decoders of package codec read their input to its end.
//   - Memory: one chunk of the upstream, which is decrypted in place, at most 400 KiB, and a header
//     of at most 2 MiB. Trying a passphrase takes 1 KiB × 2^(work factor), by default at most 1
//     GiB. A larger work factor is [ErrWorkFactor], also for an age.ScryptIdentity.
//   - Ownership: chunks belong to the receiver. A sink that does not keep them can call the
//     source's method WriteTo(context.Context, io.Writer) error instead of Each: it lends the
//     chunks and saves a copy.
//   - Order and goroutines: fused. An identity that is not a key of filippo.io/age, and its
//     ScryptIdentity, runs on its own goroutine, because it takes no context. A canceled run does
//     not wait for it: the goroutine and its memory remain until the identity returns.
//   - Errors: [ErrNoIdentities] before anything is read; [ErrNoMatch] and [ErrWorkFactor] before
//     anything is emitted; [ErrDamaged] and [ErrTruncated], as a codec.FormatError if the file has
//     another format. Errors of age and of identities are wrapped too.
func Decrypt(identities ...age.Identity) stream.Flow[[]byte, []byte] {
	return decryptFlow(identities, stopEarly)
}

// DecryptWhole returns a flow that works as [Decrypt], but after the downstream has stopped it
// reads the file to its end, emits nothing more, and returns an error if the rest is damaged. It is
// for a downstream that stops at its own end inside the data: a gzip.Reader of one member, or a
// json.Decoder over [stream.Reader], whose Close then returns the error.
func DecryptWhole(identities ...age.Identity) stream.Flow[[]byte, []byte] {
	return decryptFlow(identities, readToEnd)
}

// stopMode says what happens to the rest of the file after the downstream has stopped.
type stopMode int

const (
	stopEarly stopMode = iota // leave it unread
	readToEnd                 // read and verify it
)

func decryptFlow(identities []age.Identity, mode stopMode) stream.Flow[[]byte, []byte] {
	identities = slices.Clone(identities)
	return stream.FlowFunc[[]byte, []byte](func(src stream.Source[[]byte]) stream.Source[[]byte] {
		return decryptSource{src, redact.Opaque(identities), mode}
	})
}

// decryptSource is a source decrypted by [Decrypt].
type decryptSource struct {
	src        stream.Source[[]byte]
	identities func() []age.Identity // opaque, because fmt can print a source
	mode       stopMode
}

// Each implements [stream.Source].
func (s decryptSource) Each(ctx context.Context, emit func([]byte) error) error {
	return s.run(ctx, &decrypter{emit: cancelable(ctx, emit)})
}

// WriteTo works as Each, but writes the chunks to w, which owns them until Write returns. A block
// of several fragments is written as one slice.
func (s decryptSource) WriteTo(ctx context.Context, w io.Writer) error {
	return s.run(ctx, &decrypter{emit: cancelable(ctx, lend.To(w)), lent: true})
}

func (s decryptSource) run(ctx context.Context, d *decrypter) error {
	if err := checkIdentities(s.identities()); err != nil {
		return fmt.Errorf("agecodec: decrypt: %w", err)
	}
	d.mode = s.mode
	if s.mode == readToEnd {
		var release func()
		ctx, release = stream.WithoutStop(ctx) // keeps the upstream running after a stop
		defer release()
	}
	d.opener = opener{stage: "agecodec: decrypt", identities: s.identities(), begin: d.begin, consume: d.blocks.push}
	err := d.run(ctx, s.src)
	switch {
	case d.stopErr == nil:
		return err
	case err == nil:
		return d.stopErr
	}
	return errors.Join(d.stopErr, err) // the caller that stopped the run removes stopErr from the join
}

// decrypter is one run of [Decrypt].
type decrypter struct {
	opener
	blocks  blockCutter
	emit    func([]byte) error
	lent    bool // the downstream uses an emitted slice only until emit returns
	mode    stopMode
	stopErr error // the error with which the downstream asked to stop
}

func (d *decrypter) begin(_ context.Context, _, _ []byte, p *payload) error {
	d.blocks.blockSize, d.blocks.newBlock, d.blocks.emitFull = sealedChunkSize, p.newChunk, d.openBlock
	return nil
}

func (d *decrypter) run(ctx context.Context, src stream.Source[[]byte]) error {
	if err := d.opener.run(ctx, src); err != nil {
		return err
	}
	plain, err := d.payload.openLast(d.blocks.join(d.blocks.fragments))
	if err != nil {
		return d.wrap(err)
	}
	return d.deliver(plain)
}

// openBlock decrypts a block and emits it. Unless chunks are lent, it emits them in the memory of
// the fragments, because joinBuf is reused.
func (d *decrypter) openBlock(fragments [][]byte) error {
	block := d.blocks.join(fragments)
	plain, err := d.payload.open(block[:0], block)
	if err != nil {
		return d.wrap(err)
	}
	if len(fragments) == 1 || d.lent {
		return d.deliver(plain[:len(plain):len(plain)])
	}
	for _, p := range fragments {
		n := copy(p, plain)
		plain = plain[n:]
		if err := d.deliver(p[:n:n]); err != nil {
			return err
		}
	}
	return nil
}

// deliver emits verified plaintext. It drops it if the downstream has stopped.
func (d *decrypter) deliver(plain []byte) error {
	if d.stopErr != nil || len(plain) == 0 {
		return nil
	}
	err := d.emit(plain)
	if d.mode == readToEnd && stream.Stopped(err) {
		d.stopErr, err = err, nil
	}
	return err
}

// checkIdentities returns an error if [Decrypt] must not use the identities.
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
