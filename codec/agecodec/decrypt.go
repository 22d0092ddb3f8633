package agecodec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"filippo.io/age"

	"github.com/millweir/millweir/internal/lend"
	"github.com/millweir/millweir/stream"
)

// Decrypt returns a flow that decrypts an age file, binary or armored, with the first of the identities that fits, the mirror of
// [Encrypt].
//
//   - In: byte chunks of any size. Out: authenticated chunks of at most 64 KiB, none of them empty: an empty file gives none. The
//     last one comes only when the upstream has completed and it is proved to be the end: who has all bytes has a whole file, and
//     nothing follows a place that is damaged.
//   - Identities: those of [ParseIdentities], [PassphraseIdentity], and any other age.Identity.
//   - An early end of the downstream stops the upstream, and what was not read is not looked at; [DecryptWhole] is for a downstream
//     that stops by itself. The decoders of package codec read their input to its end.
//   - Memory: one chunk of the upstream, which is decrypted where it lies and so is overwritten, and at most 400 KiB; a header of
//     at most 2 MiB. A passphrase takes 1 KiB × 2^(work factor) while it is tried, so at most 1 GiB by default; more is
//     [ErrWorkFactor], also from an age.ScryptIdentity, whose own limit is 4 GiB.
//   - Ownership: chunks are the downstream's. A sink that is done with them at once can have the source's method
//     WriteTo(context.Context, io.Writer) error in place of Each: it lends the chunks, and saves a copy.
//   - Order and goroutines: fused. An identity that is none of the keys of filippo.io/age, or is its ScryptIdentity, is asked on a
//     goroutine of its own, because it takes no context. If the run is cancelled meanwhile it ends without it: the goroutine, and the
//     memory of its work factor, are left until the identity returns by itself.
//   - Errors: [ErrNoIdentities] before anything is read; [ErrNoMatch] and [ErrWorkFactor] before anything is emitted; [ErrDamaged],
//     [ErrTruncated], as a codec.FormatError for a file of another format. What age or an identity reported is wrapped beside them.
func Decrypt(identities ...age.Identity) stream.Flow[[]byte, []byte] {
	return decryptFlow(identities, stopEarly)
}

// DecryptWhole returns a flow that does as [Decrypt], and when the downstream has had enough it reads the file on to its end,
// without emitting any more, so that damage behind what was taken is still an error of the run. It is for a downstream that stops
// at an end of its own inside of the data: a gzip.Reader of one member or a json.Decoder over [stream.Reader], whose Close then
// returns the error. Everything else is as with [Decrypt].
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
		return decryptSource{src, opaque(identities), mode}
	})
}

// decrypted is what [Decrypt] makes of a source.
type decryptSource struct {
	src        stream.Source[[]byte]
	identities func() []age.Identity // hidden, for a source may be printed
	mode       stopMode
}

// Each implements [stream.Source].
func (s decryptSource) Each(ctx context.Context, emit func([]byte) error) error {
	return s.run(ctx, &decrypter{emit: cancelable(ctx, emit)})
}

// WriteTo does what Each does, but writes the chunks to w, which has them until its Write returns: what came in fragments is not put
// back into them.
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
		ctx, release = stream.WithoutStop(ctx) // the upstream is read on
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
	return errors.Join(d.stopErr, err) // as what a clean-up adds: who made the early end takes it out again
}

// decrypter is one run of Decrypt.
type decrypter struct {
	opener
	blocks  blockCutter
	emit    func([]byte) error
	lent    bool // what is emitted is the downstream's until emit returns
	mode    stopMode
	stopErr error // the downstream's wish to stop, once it had it
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

// open emits what the fragments of a block hold, in the memory of the fragments unless it is lent.
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

// hand emits what is verified, unless nobody wants it any more.
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
