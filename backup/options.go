package backup

import (
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// Options tunes [Repository.Backup]. The zero value is ready to use.
type Options struct {
	Select Select
	Label  string // for the manifest, which is not encrypted; at most 1,000 bytes

	// Consistency is the weakest that is accepted. By default each range is read as it was at one
	// time, or fuzzily if the server reads no snapshots. Instant reads all collections at one time,
	// which a server remembers for 5 minutes by default.
	Consistency mongosource.Consistency

	// SegmentBytes is the size of a segment in bytes of BSON, from 64 KiB to 64 MiB. 0 means 32 MiB.
	// Each segment is an object: sizes under 8 MiB are for tests.
	SegmentBytes int64
	Encoding     Encoding

	// Parent names the backup whose unchanged segments are named again. By default it is the newest
	// one that has most of the collections, the same epoch, and catalogs that the keys read.
	Parent  string
	NoReuse bool // stores everything again

	// RetainUntil protects all objects of the backup from deletion until then. Zero means that they
	// are not protected. If the store cannot do that, the error is [ErrNoHold].
	RetainUntil time.Time

	// AllowMissing makes a backup also if a pattern selects nothing, or a collection cannot be read
	// or is dropped meanwhile. The manifest says what was left out.
	AllowMissing bool
	AllowEmpty   bool // makes a backup also if there is no document at all

	// Progress gets the events of the job, one at a time and in their order. The job waits until it
	// returns: for a receiver that may be slow, use the Report of an [Events]. It may be nil.
	Progress func(Event)
}

// Select says what is backed up. The zero value selects all collections, except for those of the
// databases admin, config and local.
//
// A pattern is "database.collection", or "database" for all of its collections. A star stands for any
// characters. The first dot ends the name of the database. A backslash makes the star, dot or
// backslash after it a plain character: "shop.a\\*" in Go is the collection a*. A collection of admin,
// config or local is selected only by a pattern that has the whole name of the database. Collections
// whose names begin with "system." belong to the server and are left out.
type Select struct {
	Include []string // the patterns of collections; none means all
	Exclude []string // the patterns of collections that are left out

	// Filters has filters of documents for some of the collections. The manifest says that the other
	// documents were left out.
	Filters map[mongosource.Namespace]bson.D

	Users bool // also the users of the deployment, without their passwords
	Roles bool // also the roles that users have defined
}

// Errors of a backup.
var (
	// ErrNothing means that a pattern or a filter is for no collection, or that there is no document
	// at all. Its class is Fatal.
	ErrNothing = fatal("there is nothing to back up")
	// ErrTooOld means that a run began too long ago to be completed: what it has stored may have
	// been deleted. Begin a new one. Its class is Fatal.
	ErrTooOld = fatal("the run is too old to be continued")
	// ErrDeleted means that a backup was deleted: the run itself, or the one whose segments it names.
	// Its class is Fatal.
	ErrDeleted = fatal("the backup was deleted")
	// ErrIncomplete means that not all units of a run are done. Repeat them. Its class is Fatal.
	ErrIncomplete = fatal("not all units are done")
	// ErrNoRun means that the repository has no plan of the run. Its class is Fatal.
	ErrNoRun = fatal("the repository has no such run")
)

// maxAge is how long a run may take. It is 3 days less than the grace: two clocks can each be a day
// off, and a process may stand still for a day between its last look at the store and its manifest.
const maxAge = grace - 3*24*time.Hour

const (
	minSegmentBytes     = 64 << 10
	maxSegmentBytes     = 64 << 20
	defaultSegmentBytes = 32 << 20
	maxLabel            = 1000
)

// Defaults returns the options with their defaults in place of zero values.
func (o *Options) Defaults() Options {
	all := Options{}
	if o != nil {
		all = *o
	}
	if all.SegmentBytes == 0 {
		all.SegmentBytes = defaultSegmentBytes
	}
	if all.Encoding == "" {
		all.Encoding = JSONGzip
	}
	return all
}

// check returns an error if the options cannot work with the store.
func (o *Options) check(store Store) error {
	_, holds := store.(Holder)
	switch {
	case o.SegmentBytes < minSegmentBytes || o.SegmentBytes > maxSegmentBytes:
		return invalid("segments of %d bytes: they must have %d to %d", o.SegmentBytes, minSegmentBytes,
			maxSegmentBytes)
	case o.Consistency < mongosource.Fuzzy || o.Consistency > mongosource.Instant:
		return invalid("the consistency %d does not exist", int(o.Consistency))
	case len(o.Label) > maxLabel:
		return invalid("a label of %d bytes: it may have %d", len(o.Label), maxLabel)
	case o.Parent != "" && o.NoReuse:
		return invalid("Parent and NoReuse exclude each other")
	case o.Parent != "" && !isName(o.Parent):
		return invalid("%.60q is not the name of a backup", o.Parent)
	case !o.RetainUntil.IsZero() && !holds:
		return ErrNoHold
	case !o.RetainUntil.IsZero() && o.RetainUntil.Before(time.Now()):
		return invalid("the protection until %v has ended", o.RetainUntil)
	}
	for n, filter := range o.Select.Filters {
		if filter == nil {
			return invalid("the filter of %s is nil", n)
		}
	}
	return o.Encoding.check()
}

func invalid(format string, args ...any) error {
	return stream.Mark(fmt.Errorf(format, args...), stream.Fatal)
}

// isMissing reports whether err says that a collection cannot be read as it was selected: it was
// dropped, renamed or created again, or the user may not read it.
func isMissing(err error) bool {
	const unauthorized = 13
	var server mongo.ServerError
	return errors.Is(err, mongosource.ErrCollectionChanged) ||
		errors.As(err, &server) && server.HasErrorCode(unauthorized)
}
