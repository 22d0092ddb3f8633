package backup

import (
	"context"

	"github.com/millweir/millweir/source/mongosource"
)

// finishesAtOnce is how many catalogs are made at once.
const finishesAtOnce = 4

// group is the units that belong together: those of one collection, or one bundle.
type group struct {
	collections []int
	units       []int
}

// groups returns all collections in groups.
func (f *finish) groups() (all []group) {
	ranges := make([][]int, len(f.plan.Collections))
	bundled := make([]bool, len(f.plan.Collections))
	for number, u := range f.plan.Units {
		if u.Kind == unitBundle {
			all = append(all, group{u.Collections, []int{number}})
			for _, c := range u.Collections {
				bundled[c] = true
			}
			continue
		}
		ranges[u.Collections[0]] = append(ranges[u.Collections[0]], number)
	}
	for c := range f.plan.Collections {
		if !bundled[c] {
			all = append(all, group{[]int{c}, ranges[c]})
		}
	}
	return all
}

// catalogs stores the catalogs of a group.
func (f *finish) catalogs(ctx context.Context, g group) (done []cataloged, err error) {
	segments := map[int][]Segment{}
	read := map[int]times{}
	for _, unit := range g.units {
		proven, err := f.proven(ctx, unit)
		if err != nil {
			return nil, err
		}
		for i := range proven {
			for _, row := range proven[i].Rows {
				segments[row.Of] = append(segments[row.Of], row.Segment)
				t := read[row.Of]
				t.merge(times{row.Read, row.At, row.At, proven[i].Time})
				read[row.Of] = t
			}
		}
	}
	for _, c := range g.collections {
		if f.numbers[c] < 0 {
			continue
		}
		entry, err := f.catalog(ctx, c, segments[c])
		if err != nil {
			return nil, err
		}
		done = append(done, cataloged{f.numbers[c], entry, objectsOf(segments[c]), read[c]})
	}
	return done, nil
}

// catalog stores the catalog of a collection.
func (f *finish) catalog(ctx context.Context, c int, segments []Segment) (e CollectionEntry, err error) {
	planned := &f.plan.Collections[c]
	if err := planned.checkCovered(segments); err != nil {
		return e, failed(planned.namespace().String(), err)
	}
	e = CollectionEntry{Database: planned.Database, Collection: planned.Collection, Kind: planned.Head.Kind}
	for i := range segments {
		s := &segments[i]
		e.Documents += s.Documents
		e.Bytes += s.Bytes
		e.Stored += s.Length
		e.Segments++
		if s.Run != f.run {
			e.Reused += s.Length
		}
	}
	e.Catalog, err = f.repo.putCatalog(ctx, f.run, f.numbers[c], &e, f.records, &planned.Head, segments)
	return e, err
}

// checkCovered returns an error unless the segments of a collection cover all _ids, once.
func (c *planCollection) checkCovered(segments []Segment) error {
	switch {
	case c.Head.Kind == mongosource.KindView && len(segments) == 0:
		return nil
	case len(segments) == 0:
		return damaged("it has no segment")
	case !c.hasOrder():
		return nil
	}
	var previous *Segment
	for i := range segments {
		if !follows(previous, &segments[i]) {
			return damaged("its segments have a gap")
		}
		if c.Head.inIDOrder() && !segments[i].ascends() {
			return damaged("its segments overlap")
		}
		previous = &segments[i]
	}
	if !previous.To.IsZero() {
		return damaged("its last segments are missing")
	}
	return nil
}
