package agecodec

import (
	"context"
	"fmt"
	"slices"

	"filippo.io/age"

	"github.com/millweir/millweir/stream"
)

// Rewrap returns a flow that gives an age file a new header for other recipients and leaves the payload as it is: the keys change
// without a second encryption. One of the identities must fit the old header.
//
//   - In: byte chunks of any size, of a binary or armored file. Out: a binary file, of which all but the header is the old one byte
//     for byte; [Armor] makes it text.
//   - The payload is verified: every chunk is decrypted before it is emitted, and its plaintext discarded. A file that is damaged or
//     cut short ends the run with an error, so a sink publishes nothing, and the old file is still the one to keep. This takes as
//     long as [Decrypt] does; [RewrapUnverified] does without it.
//   - Nothing is emitted before the old header is proved genuine and the new one is made.
//   - The file key stays the same: whoever could read the old file, and has kept its key, can read the new one. Only a second
//     encryption shuts a reader out.
//   - Memory: one chunk of the upstream, and at most 500 KiB; a header of at most 2 MiB. Passphrases take theirs, as in [Decrypt].
//   - Order and goroutines: fused. Identities and recipients of your own are asked on a goroutine, as in [Decrypt].
//   - Errors: those of [Encrypt] and [Decrypt]. A recipient of a kind of your own is asked only when the old header was read.
func Rewrap(identities []age.Identity, recipients ...age.Recipient) stream.Flow[[]byte, []byte] {
	return rewrapFlow(identities, recipients, verifyPayload)
}

// RewrapUnverified returns a flow that does as [Rewrap], but authenticates only the header and the last chunk, so that a file that
// was cut short is not passed on as a whole one. The chunks between are passed on unseen, three to four times as fast: what is damaged
// there stays damaged, and the run succeeds. Keep the old file until [Decrypt] has read the new one to its end.
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

// rewrapper is one run of Rewrap.
type rewrapper struct {
	opener
	recipients []age.Recipient
	mode       payloadMode
	blocks     blockCutter
	emit       func([]byte) error
	plain      []byte // where each chunk is decrypted, to verify it
}

// opened emits the new header.
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

// pass emits a chunk that is not the last.
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
