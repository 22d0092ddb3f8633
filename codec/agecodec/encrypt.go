package agecodec

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"slices"

	"filippo.io/age"

	"github.com/millweir/millweir/internal/lend"
	"github.com/millweir/millweir/stream"
)

// Encrypt returns a flow that encrypts its input as a binary age file that any one of the recipients can read. Its mirror is [Decrypt].
//
//   - In, out: byte chunks of any size. An empty input makes an age file of nothing.
//   - Every run has a file key of its own, so the same input never gives the same bytes.
//   - Recipients: those of [ParseRecipients], [PassphraseRecipient], and any other age.Recipient. A passphrase stands alone;
//     post-quantum recipients stand only beside each other.
//   - Size: the header, 16 bytes, and 16 bytes for each 64 KiB or part of it.
//   - Memory: one chunk of the upstream, and at most 400 KiB.
//   - Ownership: chunks are the downstream's. A sink that is done with them at once can have the source's method
//     WriteTo(context.Context, io.Writer) error in place of Each: it lends the chunks, and takes no memory for each.
//   - Order and goroutines: fused. Recipients of your own are asked on a goroutine, as [Decrypt] asks identities.
//   - Errors: [ErrNoRecipients], [ErrRecipients], a nil recipient, or what a recipient says, before anything is read or written.
func Encrypt(recipients ...age.Recipient) stream.Flow[[]byte, []byte] {
	recipients = slices.Clone(recipients)
	return stream.FlowFunc[[]byte, []byte](func(src stream.Source[[]byte]) stream.Source[[]byte] {
		return encryptSource{src, opaque(recipients)}
	})
}

// encrypted is what [Encrypt] makes of a source.
type encryptSource struct {
	src        stream.Source[[]byte]
	recipients func() []age.Recipient // hidden, for a source may be printed
}

// Each implements [stream.Source].
func (s encryptSource) Each(ctx context.Context, emit func([]byte) error) error {
	return s.run(ctx, emit, (*payload).newChunk)
}

// WriteTo does what Each does, but writes the chunks to w, which has them until its Write returns: all of them are sealed in the
// same memory.
func (s encryptSource) WriteTo(ctx context.Context, w io.Writer) error {
	same := make([]byte, 0, sealedChunkSize)
	return s.run(ctx, lend.To(w), func(*payload) []byte { return same })
}

// run makes one file, of which the chunks are sealed into what room returns.
func (s encryptSource) run(ctx context.Context, emit func([]byte) error, room func(*payload) []byte) error {
	recipients := s.recipients()
	if err := checkRecipients(recipients); err != nil {
		return fmt.Errorf("agecodec: encrypt: %w", err)
	}
	head, p, err := beginFile(ctx, recipients)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("agecodec: encrypt: %w", err)
	}
	e := &encrypter{payload: p, head: head, emit: cancelable(ctx, emit), newChunk: room}
	return e.run(ctx, s.src)
}

// beginFile makes the header and nonce of a new file, and what seals its payload.
func beginFile(ctx context.Context, recipients []age.Recipient) ([]byte, *payload, error) {
	fileKey := make([]byte, fileKeySize)
	defer clear(fileKey)
	nonce := make([]byte, nonceSize)
	rand.Read(fileKey) // it never fails
	rand.Read(nonce)
	head, err := sealHeader(ctx, fileKey, recipients)
	if err != nil {
		return nil, nil, err
	}
	p, err := newPayload(fileKey, nonce)
	return append(head, nonce...), p, err
}

// encrypter is one run of Encrypt.
type encrypter struct {
	*payload
	head     []byte // until it was emitted
	emit     func([]byte) error
	newChunk func(*payload) []byte // an empty slice with room for a sealed chunk
}

func (e *encrypter) run(ctx context.Context, src stream.Source[[]byte]) error {
	var failed error
	var buf []byte // for plaintext in many pieces, one block after the other
	b := &blockCutter{blockSize: plainChunkSize}
	b.newBlock = func() []byte {
		if buf == nil {
			buf = make([]byte, 0, plainChunkSize)
		}
		return buf
	}
	b.emitFull = func(fragments [][]byte) error { return e.seal(e.newChunk(e.payload), b.join(fragments), moreChunks) }
	err := src.Each(ctx, func(p []byte) error {
		if failed == nil {
			failed = b.push(p)
		}
		return failed
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return err
	}
	return e.seal(make([]byte, 0, b.size+overhead), b.join(b.fragments), lastChunk)
}

// seal emits one chunk, sealed into dst.
func (e *encrypter) seal(dst, block []byte, flag chunkFlag) error {
	if e.head != nil {
		head := e.head
		e.head = nil
		dst = append(make([]byte, 0, len(head)+len(block)+overhead), head...)
	}
	return e.emit(e.aead.Seal(dst, e.nextNonce(flag), block, nil))
}
