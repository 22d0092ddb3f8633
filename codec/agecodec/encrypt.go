package agecodec

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"slices"

	"filippo.io/age"

	"github.com/millweir/millweir/internal/early"
	"github.com/millweir/millweir/internal/lend"
	"github.com/millweir/millweir/internal/redact"
	"github.com/millweir/millweir/stream"
)

// Encrypt returns a flow that encrypts its input as a binary age file that each of the recipients
// can read. Its inverse is [Decrypt].
//
//   - In, out: byte chunks of any size. An empty input makes an age file with empty content.
//   - Key: every run has a new file key, so the same input never gives the same bytes.
//   - Recipients: from [ParseRecipients] or [PassphraseRecipient], or any other age.Recipient. A
//     passphrase must be the only recipient. Post-quantum recipients cannot be mixed with others.
//   - Size: the header and 16 bytes, plus 16 bytes for each 64 KiB or part of it.
//   - Memory: one chunk of the upstream, and at most 400 KiB.
//   - Ownership: chunks belong to the receiver. A sink that does not keep them can call the
//     source's method WriteTo(context.Context, io.Writer) error instead of Each: it lends all
//     chunks in the same memory.
//   - Order and goroutines: fused. A custom recipient runs on its own goroutine, as identities in
//     [Decrypt].
//   - Errors: [ErrNoRecipients], [ErrRecipients], a nil recipient, or an error of a recipient,
//     before anything is read or written.
func Encrypt(recipients ...age.Recipient) stream.Flow[[]byte, []byte] {
	recipients = slices.Clone(recipients)
	return stream.FlowFunc[[]byte, []byte](func(src stream.Source[[]byte]) stream.Source[[]byte] {
		return encryptSource{src, redact.Opaque(recipients)}
	})
}

// encryptSource is a source encrypted by [Encrypt].
type encryptSource struct {
	src        stream.Source[[]byte]
	recipients func() []age.Recipient // opaque, because fmt can print a source
}

// Each implements [stream.Source].
func (s encryptSource) Each(ctx context.Context, emit func([]byte) error) error {
	return s.run(ctx, emit, (*payload).newChunk)
}

// WriteTo works as Each, but writes the chunks to w, which owns them until Write returns. All
// chunks use the same memory.
func (s encryptSource) WriteTo(ctx context.Context, w io.Writer) error {
	var same []byte // allocated for the first chunk: a run that waits for its data costs little
	return s.run(ctx, lend.To(w), func(*payload) []byte {
		if same == nil {
			same = make([]byte, 0, sealedChunkSize)
		}
		return same
	})
}

// run writes one file. Each chunk is sealed into a slice from newChunk.
func (s encryptSource) run(ctx context.Context, emit func([]byte) error, room func(*payload) []byte) error {
	recipients := s.recipients()
	if err := checkRecipients(recipients); err != nil {
		return fmt.Errorf("agecodec: encrypt: %w", err)
	}
	if ctx.Err() != nil {
		// The budget may be too small. The stages before this one then add to its error what they
		// need.
		_ = s.src.Each(ctx, func([]byte) error { return context.Cause(ctx) })
		return context.Cause(ctx)
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

// beginFile returns the header and nonce of a new file, and the payload that encrypts its chunks.
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

// encrypter is one run of [Encrypt].
type encrypter struct {
	*payload
	head     []byte // nil after it is emitted
	emit     func([]byte) error
	newChunk func(*payload) []byte // returns an empty slice with the capacity of a sealed chunk
}

func (e *encrypter) run(ctx context.Context, src stream.Source[[]byte]) error {
	var failed error
	var buf []byte // for plaintext in many fragments, reused for each block
	b := &blockCutter{blockSize: plainChunkSize}
	b.newBlock = func() []byte {
		if buf == nil {
			buf = make([]byte, 0, plainChunkSize)
		}
		return buf
	}
	b.emitFull = func(fragments [][]byte) error { return e.seal(e.newChunk(e.payload), b.join(fragments), moreChunks) }
	err := src.Each(early.Detached(ctx), func(p []byte) error {
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

// seal encrypts one chunk into dst and emits it.
func (e *encrypter) seal(dst, block []byte, flag chunkFlag) error {
	if e.head != nil {
		head := e.head
		e.head = nil
		dst = append(make([]byte, 0, len(head)+len(block)+overhead), head...)
	}
	return e.emit(e.aead.Seal(dst, e.nextNonce(flag), block, nil))
}
