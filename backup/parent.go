package backup

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"filippo.io/age"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/bsonorder"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// deleted reports whether a backup has a tombstone.
func (r *Repository) deleted(ctx context.Context, run string) (bool, error) {
	_, err := get(ctx, r.store, tombstonesPrefix+run)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// checkAlive returns an error if the run is too old, or if it or its parent was deleted.
func (r *Repository) checkAlive(ctx context.Context, run, parent string) error {
	began, ok := parseName(run)
	if !ok {
		return fmt.Errorf("%w: %.60q is not the name of a run", ErrNoRun, run)
	}
	if age := r.now().Sub(began); age > maxAge {
		return fmt.Errorf("%w: it began on %s", ErrTooOld, began.Format("2006-01-02"))
	}
	for _, name := range []string{run, parent} {
		if name == "" {
			continue
		}
		gone, err := r.deleted(ctx, name)
		if err != nil {
			return err
		}
		if gone {
			return fmt.Errorf("%w: %s", ErrDeleted, name)
		}
	}
	return nil
}

// findParent returns the backup whose segments a new one can name, or nil. Of those that have the
// same epoch and the most of the collections, it is the newest.
func (r *Repository) findParent(ctx context.Context, o *Options, epoch string, selected []planCollection) (*Manifest,
	error,
) {
	if o.NoReuse {
		return nil, nil
	}
	if o.Parent != "" {
		m, err := r.manifest(ctx, o.Parent)
		if err == nil && m.Epoch != epoch {
			err = invalid("the parent %s has another epoch", o.Parent)
		}
		if err == nil {
			err = r.checkParent(ctx, m.Run)
		}
		return m, err
	}
	names := map[string]bool{}
	for i := range selected {
		names[selected[i].namespace().String()] = true
	}
	var best *Manifest
	most := 0
	_, err := stream.Run(ctx, r.List(), sink.ForEach(func(ctx context.Context, m Manifest) error {
		common := 0
		for i := range m.Collections {
			if names[m.Collections[i].Namespace().String()] {
				common++
			}
		}
		if common < max(most, 1) || m.Epoch != epoch || r.checkParent(ctx, m.Run) != nil {
			return nil
		}
		best, most = &m, common
		return nil
	}))
	return best, err
}

// checkParent returns an error if the backup was deleted.
func (r *Repository) checkParent(ctx context.Context, run string) error {
	gone, err := r.deleted(ctx, run)
	if err == nil && gone {
		err = fmt.Errorf("%w: %s", ErrDeleted, run)
	}
	return err
}

// matchParent sets the numbers of the collections in the parent, and returns the ranges of its
// segments. It reads each catalog once.
func (r *Repository) matchParent(
	ctx context.Context, m *Manifest, identities []age.Identity, p *plan,
) (map[int][]parentRange, error) {
	collections := p.Collections
	numbers := map[string]int{}
	for n := range m.Collections {
		numbers[m.Collections[n].Namespace().String()] = n
	}
	ranges := map[int][]parentRange{}
	named := map[int]objectList{} // by collections
	for i := range collections {
		c := &collections[i]
		n, ok := numbers[c.namespace().String()]
		if !ok || !c.hasOrder() {
			continue
		}
		found, objects, usable, err := r.parentRanges(ctx, m, n, identities, c)
		if err != nil {
			return nil, err
		}
		if usable {
			c.InParent, ranges[i], named[i] = n, found, objects
			c.grown = c.hasGrown(m.Collections[n].Bytes, p.SegmentBytes)
		}
	}
	return ranges, r.forgetLost(ctx, collections, named)
}

// forgetLost makes the collections be stored again whose objects in the parent are missing or short:
// a backup that names them again would be damaged from its first day.
func (r *Repository) forgetLost(ctx context.Context, collections []planCollection, named map[int]objectList) error {
	all := objectList{}
	for _, list := range named {
		all.addAll(list)
	}
	lost, err := r.lost(ctx, all)
	if err != nil {
		return err
	}
	for i, list := range named {
		if slices.ContainsFunc(lost, func(key string) bool { return list[key] > 0 }) {
			collections[i].InParent = -1
		}
	}
	return nil
}

// parentRanges returns the ranges of the segments of a collection of the parent. They are usable if
// they are segments of the collection c, and cover all of it. objects are those that the segments
// name.
func (r *Repository) parentRanges(
	ctx context.Context, m *Manifest, n int, identities []age.Identity, c *planCollection,
) (ranges []parentRange, objects objectList, usable bool, err error) {
	var previous *Segment
	objects, usable = objectList{}, true
	_, err = stream.Run(ctx, r.catalog(m, n, identities), sink.ForEach(func(_ context.Context, row catalogRow) error {
		if row.head != nil {
			usable = c.sameAs(row.head)
			return nil
		}
		s := row.segment
		usable = usable && follows(previous, s) && (s.ascends() || !c.Head.inIDOrder())
		ranges = append(ranges, parentRange{s.From, s.Documents})
		objects.add(s.Object, s.Offset+s.Length)
		previous = s
		return nil
	}))
	return ranges, objects, usable && previous != nil && previous.To.IsZero(), err
}

// follows reports whether the range of s begins where that of the previous one ends; nil is that
// before the first.
func follows(previous, s *Segment) bool {
	if previous == nil {
		return s.From.IsZero()
	}
	return !s.From.IsZero() && sameValue(previous.To, s.From)
}

// ascends reports whether the range of s begins before it ends.
func (s *Segment) ascends() bool {
	return s.From.IsZero() || s.To.IsZero() || bsonorder.Compare(s.From, s.To) < 0
}

// sameAs reports whether the catalog is that of the same collection, read with the same filter.
func (c *planCollection) sameAs(head *catalogHead) bool {
	return head.Kind == c.Head.Kind && string(head.UUID.Data) == string(c.Head.UUID.Data) &&
		len(c.Head.UUID.Data) > 0 &&
		string(head.Filter) == string(c.Head.Filter)
}

// sameValue reports whether two values have the same type and bytes.
func sameValue(a, b bson.RawValue) bool {
	return a.Type == b.Type && string(a.Value) == string(b.Value)
}
