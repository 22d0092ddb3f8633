package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"time"

	"filippo.io/age"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/stream"
)

// Segment describes a stored range of the documents of one collection: a row of a catalog.
type Segment struct {
	Object string `bson:"object"` // its key
	Offset int64  `bson:"offset"` // in the object, in bytes
	Length int64  `bson:"length"` // in the object, in bytes
	SHA256 string `bson:"sha256"` // of the bytes in the object, in hexadecimal

	Encoding Encoding `bson:"encoding"`
	Run      string   `bson:"run"`    // that stored it
	Unit     int      `bson:"unit"`   // of that run
	Number   int      `bson:"number"` // in that unit

	// From and To bound the _ids that the segment covers, in the order of MongoDB: from From on, up
	// to To, without To. Without a bound, the range is open. First and Last are its first and its
	// last _id. All are missing if the documents have no order, as those of a capped collection.
	From  bson.RawValue `bson:"from,omitempty"`
	To    bson.RawValue `bson:"to,omitempty"`
	First bson.RawValue `bson:"first,omitempty"`
	Last  bson.RawValue `bson:"last,omitempty"`

	Read time.Time      `bson:"read"`         // when its scan ended
	At   bson.Timestamp `bson:"at,omitempty"` // the cluster time of its snapshot; zero if it has none

	Tally `bson:",inline"` // of the documents
}

// stored describes the bytes of a segment as they were stored.
type stored struct {
	Length int64
	SHA256 string
	Tally  Tally
}

// segmentPlace returns where the segment belongs.
func (r *Repository) segmentPlace(s *Segment, database, collection string) place {
	return place{
		Repository: r.id, Run: s.Run, Kind: kindSegment, Unit: s.Unit, Number: s.Number,
		Database: database, Collection: collection,
	}
}

// encode returns a flow from documents to the bytes of a list at a place: a segment, a catalog, a plan
// or a receipt. recipients are nil in a repository without encryption.
func encode(p place, encoding Encoding, recipients []age.Recipient, report func(stored)) stream.Flow[bson.Raw, []byte] {
	return stream.FlowFunc[bson.Raw, []byte](func(src stream.Source[bson.Raw]) stream.Source[[]byte] {
		var s stored
		body := stream.Via2(src, withEnd(p, func(t Tally) { s.Tally = t }),
			encrypted(encoding.format(), recipients, nil).Encode())
		return stream.Via(body, digest(func(length int64, sum string) {
			s.Length, s.SHA256 = length, sum
			report(s)
		}))
	})
}

// decode returns the inverse of [encode]. begin is newTally or newCount.
func decode(p place, encoding Encoding, identities []age.Identity, begin func() *tally,
	report func(Tally),
) stream.Flow[[]byte, bson.Raw] {
	return stream.Then(encrypted(encoding.format(), nil, identities).Decode(), withoutEnd(p, begin, report))
}

// digest returns a flow that passes its input on and reports its length and SHA-256.
func digest(report func(length int64, sum string)) stream.Flow[[]byte, []byte] {
	return stream.FlowFunc[[]byte, []byte](func(src stream.Source[[]byte]) stream.Source[[]byte] {
		var count stream.Stats
		return stream.Via2(src, stream.MonitorBytes(&count),
			codec.Digest(sha256.New, func(sum []byte) { report(count.Bytes(), hex.EncodeToString(sum)) }))
	})
}

// segment returns a source of the documents of a segment. A run that returns nil has proved that they
// are those that the catalog describes: the stored bytes, the end record, and the digests. What was
// emitted by a run that fails must not be used. m measures it, unless it is nil.
//
// begin is newTally, or newCount if the caller compares the Sum of what it made of all documents with
// the catalog. Then the documents are counted, and not hashed.
func (r *Repository) segment(s Segment, database, collection string,
	identities []age.Identity, begin func() *tally, m *meters,
) stream.Source[bson.Raw] {
	return stream.SourceFunc[bson.Raw](func(ctx context.Context, emit func(bson.Raw) error) error {
		var length int64
		var sum string
		var found Tally
		body := stream.Via(r.store.Get(s.Object, &GetOptions{Offset: s.Offset, Length: s.Length}),
			digest(func(n int64, hash string) { length, sum = n, hash }))
		decoding := decode(r.segmentPlace(&s, database, collection), s.Encoding, identities, begin, func(t Tally) {
			found = t
		})
		if m != nil {
			decoding = stream.Measure(&m.work, decoding)
		}
		docs := stream.Via(body, decoding)
		var stopped error // the downstream's error, which is returned unchanged
		err := docs.Each(ctx, s.atMost(func(doc bson.Raw) error {
			stopped = emit(doc)
			return stopped
		}))
		switch {
		case err != nil && stopped == nil && endsEarly(err):
			return stream.Mark(damaged("%s: %w", s.Object, err), stream.Data)
		case err != nil:
			return err
		case length != s.Length || sum != s.SHA256:
			return damaged("%s: the stored bytes are not those of the catalog", s.Object)
		case !found.isOf(s.Tally):
			return damaged("%s: the documents are not those of the catalog", s.Object)
		}
		return nil
	})
}

// endsEarly reports whether err says that an object ends before the range that a catalog names. A
// broken connection is Retryable.
func endsEarly(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) && stream.ClassOf(err) == stream.Fatal
}

const dataPrefix = "data/"

// dataKey returns the key of a new object of a unit.
func dataKey(run string, unit, number int, encoding Encoding, plain bool) string {
	return dataPrefix + run + "/" + unitName(unit, number) + "-" + randomHex(randomLength) +
		suffix(encoding, plain)
}
