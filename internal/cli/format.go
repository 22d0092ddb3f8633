package cli

import (
	"filippo.io/age"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/codec/bsoncodec"
)

// FormatOptions are the options of [Format]. The zero value is canonical JSON, not encrypted.
type FormatOptions struct {
	Relaxed   bool // write relaxed Extended JSON; either form can be read
	GzipLevel int

	Encrypted  bool
	Recipients []age.Recipient // to encrypt a backup
	Identities []age.Identity  // to decrypt a backup
}

// Format returns the format of a backup: Extended JSON, gzip, and age if it is encrypted. The
// programs backup and restore share it, so the two cannot differ.
func Format(opts *FormatOptions) codec.Format[bson.Raw] {
	json := bsoncodec.ExtJSONFormat(&bsoncodec.ExtJSONOptions{Relaxed: opts.Relaxed}, nil)
	compressed := json.Then(codec.GzipFormat(
		&codec.GzipOptions{Level: opts.GzipLevel},
		&codec.GunzipOptions{AllowPadding: true}, // tapes pad with zeros
	))
	if !opts.Encrypted {
		return compressed
	}
	return compressed.Then(agecodec.Format(opts.Recipients, opts.Identities))
}
