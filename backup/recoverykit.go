package backup

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/millweir/millweir/backup/signing"
	"github.com/millweir/millweir/codec/agecodec"
)

// RecoveryKit returns a text with what is needed to read the repository without this library, and with
// nothing of the store but its data: the id, the public keys, the envelopes of all epochs, and the
// steps by hand. It has no secret: an identity is needed to open an envelope. location is where the
// repository is, for the reader of the text.
func (r *Repository) RecoveryKit(ctx context.Context, location string) (string, error) {
	var kit strings.Builder
	fmt.Fprintf(&kit, "Recovery kit of a backup repository of millweir\n\nlocation: %s\nrepository: %s\n", location,
		r.id)
	for _, key := range r.trusted() {
		fmt.Fprintf(&kit, "public key of the signatures (minisign): %s\n", key)
	}
	if r.plain {
		kit.WriteString("\nThe repository is not encrypted.\n")
	} else if err := r.writeEnvelopes(ctx, &kit); err != nil {
		return "", failed("recovery kit", err)
	}
	kit.WriteString(readByHand)
	return kit.String(), nil
}

// trusted returns the public keys whose signatures are accepted.
func (r *Repository) trusted() []signing.PublicKey {
	keys := r.keys.Trust
	if r.keys.Sign != nil {
		keys = append(keys[:len(keys):len(keys)], r.keys.Sign.Public())
	}
	return keys
}

// writeEnvelopes adds the envelopes of all epochs, each as text.
func (r *Repository) writeEnvelopes(ctx context.Context, kit *strings.Builder) error {
	names, envelopes, err := r.allEpochs(ctx)
	if err != nil {
		return err
	}
	for _, epoch := range names {
		recipient, err := r.recipientOf(ctx, epoch)
		if err != nil {
			return err
		}
		fmt.Fprintf(kit, "\nepoch %s\nrecipient: %s\n", epoch, recipient)
		if len(envelopes[epoch]) == 0 {
			kit.WriteString("It has no envelope: its keys were shredded, and nobody can read what it encrypted.\n")
		}
		for _, key := range envelopes[epoch] {
			text, err := get(ctx, r.store, key, agecodec.Armor())
			if err != nil {
				return err
			}
			fmt.Fprintf(kit, "envelope %s:\n%s\n", path.Base(key), strings.TrimSpace(string(text)))
		}
	}
	return nil
}

const readByHand = `
How to read a backup by hand, with age (https://age-encryption.org) and gunzip:

1. Save an envelope of the epoch that backups/RUN.json names as envelope.age.
   age -d -i YOUR-IDENTITY.txt envelope.age > epoch.txt
2. The catalog of the N-th collection of that file lists its segments:
   age -d -i epoch.txt backups/RUN/N-*.jsonl.gz.age | gunzip
3. Each row names an object, an offset and a length. A length of the whole object:
   age -d -i epoch.txt OBJECT | gunzip
   Each line is a document in MongoDB Extended JSON. The last line is not a document.

The whole format: https://github.com/millweir/millweir/blob/main/docs/format.md
`
