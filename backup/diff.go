package backup

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// Difference is one difference between two backups.
type Difference struct {
	Namespace mongosource.Namespace
	Kind      DifferenceKind
	ID        bson.RawValue // of the document; zero if the difference is not about one document
}

// DifferenceKind says how two backups differ.
type DifferenceKind string

// The kinds of differences. The first backup is the one whose method was called.
const (
	OnlyFirst       DifferenceKind = "only first"  // the second backup has no such collection or document
	OnlySecond      DifferenceKind = "only second" // the first backup has no such collection or document
	OptionsDiffer   DifferenceKind = "options"     // the kind, the options or the indexes of the collection
	DocumentDiffers DifferenceKind = "document"    // the documents of this _id
	ContentDiffers  DifferenceKind = "content"     // the documents of a collection that are in no order
)

// DiffOptions tunes [View.Diff]. The zero value is ready to use.
type DiffOptions struct {
	Progress func(Event) // gets the events of each run: see [Options]
}

// Diff returns a source of the differences between v and a later or earlier backup, also of another
// repository, in the order of the collections' names and then of the _ids.
//
//   - Segments with the same bounds and digests are not fetched. Of the others, every document is read.
//   - Memory: a chunk and a document of each backup, and the names of the collections.
//   - A run that returns nil has proved what it read. Do not use the differences of a run that fails.
//   - Limits: of a collection whose documents are in no order of _ids (capped, without a UUID, with a collation, users and roles), it
//     says only whether the documents differ.
//   - Errors: as [View.Documents].
func (v *View) Diff(other *View, opts *DiffOptions) stream.Source[Difference] {
	o := DiffOptions{}
	if opts != nil {
		o = *opts
	}
	return stream.SourceFunc[Difference](func(ctx context.Context, emit func(Difference) error) error {
		all := bothNamespaces(v, other)
		p := newProgress(o.Progress, "diff", v.manifest.Run)
		p.expect(Total{Collections: int64(len(all)), Units: len(all)}, v.manifest.Bytes()+other.manifest.Bytes())
		for i, ns := range all {
			c := &collectionDiff{a: v, b: other, ns: ns, number: i, progress: p}
			if err := c.run(ctx, emit); err != nil {
				return failed("compare "+quoted(ns), err)
			}
			c.done()
		}
		p.finished(nil)
		return nil
	})
}

// bothNamespaces returns the collections that one of two backups has, in order.
func bothNamespaces(a, b *View) (all []mongosource.Namespace) {
	for ns := range a.numbers {
		all = append(all, ns)
	}
	for ns := range b.numbers {
		if _, ok := a.numbers[ns]; !ok {
			all = append(all, ns)
		}
	}
	slices.SortFunc(all, func(x, y mongosource.Namespace) int {
		return cmp.Or(cmp.Compare(x.Database, y.Database), cmp.Compare(x.Collection, y.Collection))
	})
	return all
}

// collectionDiff compares a collection of two backups.
type collectionDiff struct {
	a, b     *View
	ns       mongosource.Namespace
	number   int
	progress *progress
	work     int64 // that was reported
}

func (c *collectionDiff) run(ctx context.Context, emit func(Difference) error) error {
	a, b, ns := c.a, c.b, c.ns
	na, inA := a.numbers[ns]
	nb, inB := b.numbers[ns]
	switch {
	case !inB:
		return emit(Difference{Namespace: ns, Kind: OnlyFirst})
	case !inA:
		return emit(Difference{Namespace: ns, Kind: OnlySecond})
	}
	headA, allA, err := a.survey(ctx, na)
	if err != nil {
		return err
	}
	headB, allB, err := b.survey(ctx, nb)
	if err != nil {
		return err
	}
	if !headA.sameOptions(&headB) {
		if err := emit(Difference{Namespace: ns, Kind: OptionsDiffer}); err != nil {
			return err
		}
	}
	switch {
	case allA.SameDocuments(allB):
		return nil
	case !headA.sorted() || !headB.sorted():
		return emit(Difference{Namespace: ns, Kind: ContentDiffers})
	}
	d := &documentDiff{
		a: a.cursor(ctx, na, c.passed), b: b.cursor(ctx, nb, c.passed),
		emit: func(kind DifferenceKind, id bson.RawValue) error { return emit(Difference{ns, kind, id}) },
	}
	defer d.a.stop()
	defer d.b.stop()
	return d.run()
}

// passed reports a segment that was compared or skipped, and the number of bytes that were fetched.
func (c *collectionDiff) passed(s *Segment, fetched int64) {
	c.work += s.Bytes
	c.progress.tell(Event{Kind: SegmentProven, Phase: Reading, Unit: c.number, Namespace: c.ns}, did{
		Counts: Counts{Segments: 1, Documents: s.Documents, Bytes: s.Bytes, Fetched: fetched}, work: s.Bytes,
	})
}

// done reports that the collection was compared.
func (c *collectionDiff) done() {
	var bytes int64
	for _, v := range []*View{c.a, c.b} {
		if n, ok := v.numbers[c.ns]; ok {
			bytes += v.manifest.Collections[n].Bytes
		}
	}
	c.progress.tell(Event{Kind: UnitDone, Phase: Reading, Unit: c.number, Namespace: c.ns},
		did{Counts: Counts{Collections: 1}, work: max(bytes-c.work, 0)})
}

// sorted reports whether the documents are in the order of their _ids: a backup reads them in that order
// only of a collection that has a UUID.
func (h *catalogHead) sorted() bool {
	ordered := h.Kind == mongosource.KindPlain || h.Kind == mongosource.KindClustered
	return ordered && len(h.UUID.Data) > 0 && h.inIDOrder()
}

// sameOptions reports whether two collections have the same kind, options and indexes.
func (h *catalogHead) sameOptions(other *catalogHead) bool {
	options := func(h *catalogHead) []byte { return h.Description.Lookup("options").Value }
	return h.Kind == other.Kind && bytes.Equal(options(h), options(other)) &&
		slices.EqualFunc(h.Indexes, other.Indexes, func(x, y bson.Raw) bool { return bytes.Equal(x, y) })
}
