package cli

import (
	"runtime"

	"filippo.io/age"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/codec/bsoncodec"
)

// Format is how documents are stored: what backup does and restore undoes, in one value, so that the two cannot differ.
type Format struct {
	Relaxed   bool // JSON; any reader takes either form
	GzipLevel int

	Encrypted  bool
	Recipients []age.Recipient // of a backup that is encrypted
	Identities []age.Identity  // of a restore of such a backup
}

// Pair returns the way there and back. A backup needs no identities, and a restore no recipients.
func (f Format) Pair() codec.Format[bson.Raw] {
	json := bsoncodec.ExtJSONFormat(&bsoncodec.ExtJSONOptions{Relaxed: f.Relaxed}, nil)
	workers := min(runtime.GOMAXPROCS(0), maxWorkers)
	lines := json.Then(codec.GzipFormat(
		&codec.GzipOptions{Level: f.GzipLevel, Parallelism: workers},
		&codec.GunzipOptions{Parallelism: workers, AllowPadding: true}, // zeros as tapes leave them: a backup of ours has an end
	))
	if !f.Encrypted {
		return lines
	}
	return lines.Then(agecodec.Format(f.Recipients, f.Identities))
}

// maxWorkers is how many processors compress or decompress at most: each takes 5 MiB.
const maxWorkers = 4
