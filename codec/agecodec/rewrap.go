package agecodec

import (
	"context"
	"fmt"
	"slices"

	"filippo.io/age"

	"github.com/millweir/millweir/stream"
)

// Rewrap returns a flow that replaces the header of an age file with one for other recipients and
// keeps the encrypted payload. One of the identities must match the old header.
//
//   - In: byte chunks of any size, of a binary or armored file.
//   - Out: a binary file. After the header, it is byte for byte the old one. Use [Armor] to make it
//     text.
//   - Verification: every chunk is decrypted before it is emitted, and the plaintext is discarded.
//     If the file is damaged or truncated, the run fails, so a sink publishes nothing: keep the old
//     file. This takes as long as [Decrypt]. [RewrapUnverified] skips it.
//   - Nothing is emitted before the old header is authenticated and the new one is complete.
//   - The file key stays the same: a reader who could decrypt the old file and kept its file key
//     can decrypt the new one. To exclude a reader, encrypt again.
//   - Memory: one chunk of the upstream, at most 500 KiB, and a header of at most 2 MiB.
//     Passphrases take memory as in [Decrypt].
//   - Order and goroutines: fused. Custom identities and recipients run on their own goroutines, as
//     in [Decrypt].
//   - Errors: those of [Encrypt] and [Decrypt]. A custom recipient is called only after the old
//     header is read.
func Rewrap(identities []age.Identity, recipients ...age.Recipient) stream.Flow[[]byte, []byte] {
	return rewrapFlow(identities, recipients, verifyPayload)
}

// RewrapUnverified returns a flow that works as [Rewrap], but authenticates only the header and the
// last chunk, so it detects a truncated file. It passes on the other chunks unread and is three to
// four times as fast. Damage in them stays, and the run succeeds. Keep the old file until [Decrypt]
// has read the new one to its end.
func RewrapUnverified(identities []age.Identity, recipients ...age.Recipient) stream.Flow[[]byte, []byte] {
	return rewrapFlow(identities, recipients, passPayload)
}

// payloadMode says what a rewrap does with the chunks before the last one.
type payloadMode int

const (
	verifyPayload payloadMode = iota // authenticate each chunk, then pass it on
	passPayload                      // pass chunks on unread
)

func rewrapFlow(identities []age.Identity, recipients []age.Recipient, mode payloadMode) stream.Flow[[]byte, []byte] {
	identities, recipients = slices.Clone(identities), slices.Clone(recipients)
	return stream.NewFlow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error) error {
		const name = "agecodec: rewrap"
		err := checkIdentities(identities)
		if err == nil {
			err = checkRecipients(recipients)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		r := &rewrapper{recipients: recipients, mode: mode, emit: cancelable(ctx, emit)}
		r.opener = opener{stage: name, identities: identities, begin: r.begin, consume: r.blocks.push}
		return r.run(ctx, src)
	})
}

// rewrapper is one run of [Rewrap].
type rewrapper struct {
	opener
	recipients []age.Recipient
	mode       payloadMode
	blocks     blockCutter
	emit       func([]byte) error
	plain      []byte // reused for the plaintext of each chunk
}

// begin emits the new header.
func (r *rewrapper) begin(ctx context.Context, fileKey, nonce []byte, p *payload) error {
	head, err := sealHeader(ctx, fileKey, r.recipients)
	if err != nil {
		return r.wrapUnlessCanceled(ctx, err)
	}
	r.blocks.blockSize, r.blocks.newBlock, r.blocks.emitFull = sealedChunkSize, p.newChunk, r.emitBlock
	if r.mode == verifyPayload {
		r.plain = make([]byte, 0, plainChunkSize)
	}
	return r.emit(append(head, nonce...))
}

func (r *rewrapper) run(ctx context.Context, src stream.Source[[]byte]) error {
	defer func() { clear(r.plain[:cap(r.plain)]) }()
	if err := r.opener.run(ctx, src); err != nil {
		return err
	}
	plain, err := r.payload.openLast(r.blocks.join(r.blocks.fragments))
	if err != nil {
		return r.wrap(err)
	}
	clear(plain)
	return r.emitAll(r.blocks.fragments)
}

// emitBlock emits a chunk that is not the last.
func (r *rewrapper) emitBlock(fragments [][]byte) error {
	if r.mode == verifyPayload {
		if _, err := r.payload.open(r.plain, r.blocks.join(fragments)); err != nil {
			return r.wrap(err)
		}
	} else {
		r.payload.nextNonce(moreChunks)
	}
	return r.emitAll(fragments)
}

func (r *rewrapper) emitAll(fragments [][]byte) error {
	for _, fragment := range fragments {
		if err := r.emit(fragment); err != nil {
			return err
		}
	}
	return nil
}
