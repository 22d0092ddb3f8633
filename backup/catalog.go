package backup

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"

	"filippo.io/age"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/stream"
)

// catalogHead is the first row of a catalog. The other rows are its segments, in the order of their
// documents.
type catalogHead struct {
	Kind        Kind        `bson:"kind"`
	UUID        bson.Binary `bson:"uuid,omitempty"`        // missing if the server gave none
	Description bson.Raw    `bson:"description,omitempty"` // as listCollections gave it; none for users and roles
	Indexes     []bson.Raw  `bson:"indexes,omitempty"`     // as listIndexes gave them
	Filter      bson.Raw    `bson:"filter,omitempty"`      // that its documents match; none means all

	// Salt is random, and the plan has it. The digest of the catalog is in the manifest, which is not
	// encrypted: without the salt, it would prove a guess of the options, indexes and bounds.
	Salt string `bson:"salt,omitempty"`
}

// catalogPlace returns where the catalog of the n-th collection of a backup belongs.
func (r *Repository) catalogPlace(run string, n int, c *CollectionEntry) place {
	return place{
		Repository: r.id, Run: run, Kind: kindCatalog, Number: n, Database: c.Database, Collection: c.Collection,
	}
}

// putCatalog stores the catalog of the n-th collection of a backup, and returns its tally. The key
// follows from the tally, so that two processes that finish a run in different ways do not meet.
func (r *Repository) putCatalog(
	ctx context.Context, run string, n int, c *CollectionEntry, recipients []age.Recipient,
	head *catalogHead, segments []Segment,
) (Tally, error) {
	rows := stream.SourceFunc[bson.Raw](func(_ context.Context, emit func(bson.Raw) error) error {
		if err := emitBSON(head, emit); err != nil {
			return err
		}
		for i := range segments {
			if err := emitBSON(&segments[i], emit); err != nil {
				return err
			}
		}
		return nil
	})
	return r.putNamed(ctx, func(all Tally) string { return r.catalogKey(run, n, all) }, r.catalogPlace(run, n, c),
		recipients, rows)
}

func emitBSON(v any, emit func(bson.Raw) error) error {
	doc, err := bson.Marshal(v)
	if err != nil {
		return failed("write a catalog", err)
	}
	return emit(doc)
}

// catalogRow is a row of a catalog: the head, or a segment.
type catalogRow struct {
	head    *catalogHead
	segment *Segment
}

// catalog returns a source of the rows of the catalog of the n-th collection of m. A run that returns
// nil has proved that they are those that the manifest names.
func (r *Repository) catalog(m *Manifest, n int, identities []age.Identity) stream.Source[catalogRow] {
	return stream.SourceFunc[catalogRow](func(ctx context.Context, emit func(catalogRow) error) error {
		c := &m.Collections[n]
		key := r.catalogKey(m.Run, n, c.Catalog)
		var found Tally
		docs := r.records(key, r.catalogPlace(m.Run, n, c), identities, func(t Tally) { found = t })
		var sums catalogSums
		err := docs.Each(ctx, c.Catalog.atMost(func(doc bson.Raw) error {
			row, err := sums.parse(doc)
			if err != nil {
				return failed(key, err)
			}
			return emit(row)
		}))
		if err != nil {
			return err
		}
		if found != c.Catalog || sums.documents != c.Documents || sums.bytes != c.Bytes ||
			sums.stored != c.Stored || sums.segments != c.Segments {
			return failed(key, damaged("it is not the catalog that the manifest names"))
		}
		return nil
	})
}

// catalogSums adds up the rows of a catalog.
type catalogSums struct {
	started                            bool
	documents, bytes, stored, segments int64
}

// parse parses the next row.
func (s *catalogSums) parse(doc bson.Raw) (row catalogRow, err error) {
	if !s.started {
		s.started = true
		row.head = &catalogHead{}
		if err := bson.Unmarshal(doc, row.head); err != nil {
			return row, damaged("its first row is not the head of a catalog")
		}
		row.head.Description = slices.Clone(row.head.Description)
		return row, nil
	}
	row.segment = &Segment{}
	if err := bson.Unmarshal(doc, row.segment); err != nil {
		return row, damaged("a row of it is not a segment")
	}
	if err := row.segment.check(); err != nil {
		return row, damaged("a segment of it: %w", err)
	}
	s.segments++
	s.documents += row.segment.Documents
	s.bytes += row.segment.Bytes
	s.stored += row.segment.Length
	return row, nil
}

// check returns an error if s cannot be the row of a segment.
func (s *Segment) check() error {
	_, ok := parseSum(s.Sum)
	switch err := CheckKey(s.Object); {
	case err != nil:
		return err
	case !strings.HasPrefix(s.Object, dataPrefix):
		return errors.New("its object is no data")
	case s.Offset < 0 || s.Length <= 0 || s.Offset > math.MaxInt64-s.Length:
		return errors.New("its place in the object is not valid")
	case s.Documents < 0 || s.Bytes < 0 || !ok:
		return errors.New("a count of it is not valid")
	case !isName(s.Run):
		return errors.New("its run is not a name")
	}
	return s.Encoding.check()
}
