package agecodec

import (
	"context"
	"fmt"
	"slices"

	"filippo.io/age"

	"github.com/millweir/millweir/stream"
)

// Rewrap returns a flow that gives an age file a new header for other recipients and leaves the payload as it is: keys are changed
// without encrypting anew. One of the identities must fit the old header.
//
//   - In: byte chunks of any size, of a binary or armored file. Out: a binary file, of which all but the header is the old one byte
//     for byte; [Armor] makes it text.
//   - Nothing is emitted before the old header is proved genuine and the new one is made.
//   - The file key stays the same: who could read the old file, and has kept its key, can read the new one. To shut somebody out of
//     data that he could read, it must be encrypted anew.
//   - The header and the last chunk are authenticated, so that a file that was cut short is not passed on as a whole one. The chunks
//     between are passed on unseen: what is damaged there stays damaged, and is found by [Decrypt].
//   - Memory: one chunk of the upstream, and at most 400 KiB; a header of at most 2 MiB. Passphrases take theirs, as in [Decrypt].
//   - Order and goroutines: fused.
//   - Errors: those of [Encrypt] and [Decrypt]. A recipient of a kind of your own is asked only when the old header was read.
func Rewrap(identities []age.Identity, recipients ...age.Recipient) stream.Flow[[]byte, []byte] {
	identities, recipients = slices.Clone(identities), slices.Clone(recipients)
	return stream.FlowFunc[[]byte, []byte](func(src stream.Source[[]byte]) stream.Source[[]byte] {
		return stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
			const name = "agecodec: rewrap"
			err := checkIdentities(identities)
			if err == nil {
				err = checkRecipients(recipients)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			emit = heeding(ctx, emit)
			o := opener{name: name, identities: identities}
			var blocks blocks
			o.opened = func(fileKey, nonce []byte, p *payload) error {
				head, err := sealHeader(fileKey, recipients)
				if err != nil {
					return o.fail(err)
				}
				blocks.size, blocks.room = sealedChunk, p.room
				blocks.full = func(pieces [][]byte) error {
					p.next(false)
					for _, piece := range pieces {
						if err := emit(piece); err != nil {
							return err
						}
					}
					return nil
				}
				return emit(append(head, nonce...))
			}
			o.rest = blocks.push
			if err := o.run(ctx, src); err != nil {
				return err
			}
			if _, err := o.payload.last(blocks.join(blocks.held)); err != nil {
				return o.fail(err)
			}
			for _, piece := range blocks.held {
				if err := emit(piece); err != nil {
					return err
				}
			}
			return nil
		})
	})
}
