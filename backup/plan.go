package backup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"filippo.io/age"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// plan says what a run reads, and how it is divided into units. It is stored before the first
// document is read, and never changes.
type plan struct {
	planHead
	Collections []planCollection
	Units       []planUnit
}

// planHead is the first row of a stored plan. The collections follow, and then the units.
type planHead struct {
	Began    time.Time `bson:"began"`
	Label    string    `bson:"label,omitempty"`
	Server   Server    `bson:"server"`
	Epoch    string    `bson:"epoch,omitempty"`
	Encoding Encoding  `bson:"encoding"`
	Retain   time.Time `bson:"retain,omitempty"`
	Parent   string    `bson:"parent,omitempty"`

	Consistency string         `bson:"consistency"` // of the whole backup
	Snapshots   bool           `bson:"snapshots"`   // ranges are read as they were at one time
	At          bson.Timestamp `bson:"at,omitempty"`
	First       bson.Timestamp `bson:"first,omitempty"` // of the server, when the plan was made

	SegmentBytes int64     `bson:"segmentBytes"`
	AllowMissing bool      `bson:"allowMissing"`
	AllowEmpty   bool      `bson:"allowEmpty"`
	LeftOut      []LeftOut `bson:"leftOut,omitempty"`

	Count int64 `bson:"collections"` // of collections; the other rows are units
}

// planCollection describes a collection as it was when the plan was made.
type planCollection struct {
	Database   string      `bson:"database"`
	Collection string      `bson:"collection"`
	Head       catalogHead `bson:",inline"`

	// Buckets is the UUID of the collection that holds the measurements of a time series, if there is
	// one: most servers give the time series itself none.
	Buckets bson.Binary `bson:"buckets,omitempty"`

	// InParent is the number of the collection in the parent, or negative if none of its segments
	// can be used.
	InParent int `bson:"inParent"`

	grown   bool  // much since the parent. It is not stored
	size    int64 // in bytes, estimated; negative if it is not known. It is not stored
	missing bool  // it may not be read. It is not stored
}

// planUnit is a part of the work.
type planUnit struct {
	Kind        unitKind      `bson:"kind"`
	Collections []int         `bson:"collections"` // their numbers: one, except for a bundle
	From        bson.RawValue `bson:"from,omitempty"`
	To          bson.RawValue `bson:"to,omitempty"`
	Fresh       bool          `bson:"fresh,omitempty"` // a part of a parent's segment that has grown
}

// unitKind says how a unit is read and stored.
type unitKind string

const (
	unitRange   unitKind = "range"   // of _ids of one collection; continues after its last receipt
	unitNatural unitKind = "natural" // a collection in the server's order; begins again
	unitBundle  unitKind = "bundle"  // small collections, in one object
)

// namespace returns the name of the collection.
func (c *planCollection) namespace() mongosource.Namespace {
	return mongosource.Namespace{Database: c.Database, Collection: c.Collection}
}

// total returns the totals of the plan. Those that are not known are 0.
func (p *plan) total() Total {
	return Total{Collections: int64(len(p.Collections)), Bytes: p.estimate(), Units: len(p.Units)}
}

// estimate returns the bytes of all documents, or 0 if they are not known. A stored plan does not
// have them.
func (p *plan) estimate() (bytes int64) {
	for i := range p.Collections {
		if p.Collections[i].size < 0 {
			return 0
		}
		bytes += p.Collections[i].size
	}
	return bytes
}

// uuid returns the UUID of the collection, or zeros.
func (c *planCollection) uuid() (uuid [16]byte) {
	copy(uuid[:], c.Head.UUID.Data)
	return uuid
}

// hasOrder reports whether the collection is read in the order of its _ids.
func (c *planCollection) hasOrder() bool {
	return (c.Head.Kind == mongosource.KindPlain || c.Head.Kind == mongosource.KindClustered) && c.uuid() != [16]byte{}
}

// filter returns the filter of the documents.
func (c *planCollection) filter() any {
	if c.Head.Filter == nil {
		return bson.D{}
	}
	return c.Head.Filter
}

func (r *Repository) planPlace(run string) place {
	return place{Repository: r.id, Run: run, Kind: kindPlan}
}

// putPlan stores the plan of a run.
func (r *Repository) putPlan(ctx context.Context, run string, p *plan, recipients []age.Recipient) error {
	p.Count = int64(len(p.Collections))
	rows := stream.SourceFunc[bson.Raw](func(_ context.Context, emit func(bson.Raw) error) error {
		if err := emitBSON(&p.planHead, emit); err != nil {
			return err
		}
		for i := range p.Collections {
			if err := emitBSON(&p.Collections[i], emit); err != nil {
				return err
			}
		}
		for i := range p.Units {
			if err := emitBSON(&p.Units[i], emit); err != nil {
				return err
			}
		}
		return nil
	})
	_, err := r.putRecords(ctx, r.planKey(run), r.planPlace(run), recipients, rows)
	return err
}

// plan reads the plan of a run. It holds all of it.
func (r *Repository) plan(ctx context.Context, run string, identities []age.Identity) (*plan, error) {
	key := r.planKey(run)
	rows, err := stream.Run(ctx, r.records(key, r.planPlace(run), identities, func(Tally) {}), sink.Slice[bson.Raw]())
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, fmt.Errorf("%w: %s", ErrNoRun, run)
	case err != nil:
		return nil, err
	}
	p, err := parsePlan(rows)
	if err != nil {
		return nil, failed(key, damaged("%w", err))
	}
	return p, nil
}

func parsePlan(rows []bson.Raw) (*plan, error) {
	p := &plan{}
	if len(rows) == 0 || bson.Unmarshal(rows[0], &p.planHead) != nil || p.Count < 0 || p.Count >= int64(len(rows)) {
		return nil, errors.New("its first row is not the head of a plan")
	}
	p.Collections = make([]planCollection, p.Count)
	for i := range p.Collections {
		if err := bson.Unmarshal(rows[1+i], &p.Collections[i]); err != nil {
			return nil, fmt.Errorf("its collection %d cannot be read", i)
		}
	}
	p.Units = make([]planUnit, len(rows)-1-len(p.Collections))
	for i := range p.Units {
		u := &p.Units[i]
		if err := bson.Unmarshal(rows[1+len(p.Collections)+i], u); err != nil || !u.valid(len(p.Collections)) {
			return nil, fmt.Errorf("its unit %d cannot be read", i)
		}
	}
	return p, nil
}

// valid reports whether u can be a unit of a plan with that many collections.
func (u *planUnit) valid(collections int) bool {
	for _, c := range u.Collections {
		if c < 0 || c >= collections {
			return false
		}
	}
	switch u.Kind {
	case unitRange, unitNatural:
		return len(u.Collections) == 1
	case unitBundle:
		return len(u.Collections) > 0
	}
	return false
}
