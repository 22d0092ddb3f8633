package backup

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/printable"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// collectionRestore restores one collection.
type collectionRestore struct {
	job    *restoreJob
	unit   int
	target target
	coll   *mongo.Collection // the target

	head   catalogHead
	listed Tally // of all documents, as the catalog says
	counts Counts
	data   prepared
	told   told

	checking time.Duration // that reading back took

	anyOrder  Tally // of a time series: of the documents that are restored, with sorted fields
	withoutID int64 // of them

	published bool // an earlier Finish renamed the prepared collection
	made      uuid // of the prepared collection that gets the name of the target; zero if there is none
}

// prepared is what a unit did: the data of its receipt.
type prepared struct {
	Want    Tally    `json:"want"`             // of the documents that are restored
	Present bool     `json:"present"`          // the target had them before
	Found   int64    `json:"found,omitempty"`  // documents of such a target
	Merge   bool     `json:"merge"`            // the documents are added to the target
	Later   bool     `json:"later"`            // indexes or a time limit are missing
	Weaker  []string `json:"weaker,omitempty"` // for the report
	Failed  []string `json:"failed,omitempty"` // that the server refused, except for documents
	Made    uuid     `json:"made,omitzero"`    // of the prepared collection; zero if the server gives none
}

// prepare does everything that can be done before anything is visible.
func (r *collectionRestore) prepare(ctx context.Context) error {
	if err := r.survey(ctx); err != nil {
		return err
	}
	if !stores(r.target.entry.Kind) {
		return r.prepareView(ctx)
	}
	found, err := lookUp(ctx, r.coll)
	if err != nil {
		return err
	}
	series := r.target.entry.Kind == mongosource.KindTimeSeries
	unfinished, err := r.unfinished(ctx)
	switch {
	case err != nil:
		return err
	case found != nil && !unfinished && r.job.opts.Merge:
		return r.tryMerge(ctx, found)
	case found != nil && !unfinished && !r.job.opts.DropTarget:
		return r.compare(ctx)
	case series:
		return r.documents(newTally).Each(ctx, func(bson.Raw) error { return nil })
	}
	return r.stage(ctx)
}

// survey reads the catalog.
func (r *collectionRestore) survey(ctx context.Context) (err error) {
	r.head, r.listed, err = r.job.view.survey(ctx, r.target.number)
	return err
}

// stores reports whether a collection of the kind has documents of its own.
func stores(kind Kind) bool { return kind != mongosource.KindView }

// The batches in flight of one collection, because several are restored at once.
const (
	restoreBatchBytes = 1 << 20
	restoreBatches    = 2
)

// insert returns the options of the insertion. Documents that were there come back, also those that the
// collection's own validator would refuse today. Only then: it needs a right of its own.
func (r *collectionRestore) insert(ctx context.Context) mongosink.InsertOptions {
	opts := r.acknowledged(r.job.opts.Insert)
	if opts.BatchBytes == 0 {
		opts.BatchBytes = restoreBatchBytes
	}
	if opts.Parallelism == 0 && !opts.Ordered && mongo.SessionFromContext(ctx) == nil {
		opts.Parallelism = restoreBatches
	}
	if !r.head.Description.Lookup("options", "validator").IsZero() {
		opts.BypassDocumentValidation = true
	}
	return opts
}

// stage makes the collection under the name of a prepared one, and compares it with the backup.
func (r *collectionRestore) stage(ctx context.Context) error {
	if ready, err := r.staged(ctx); err != nil || ready {
		return err
	}
	opts := r.insert(ctx)
	begin := newTally
	switch {
	case r.target.entry.Kind == mongosource.KindCapped:
		opts.Ordered, opts.Parallelism = true, 1
	case !r.job.opts.partial():
		begin = newCount // checkMade compares the Sum of what the server has with the catalog
	}
	name := r.job.view.preparedName(r.target)
	description, limited := withoutExpiry(r.head.Description)
	indexes := r.staticIndexes()
	result, err := consume(ctx, &r.job.meters, r.documents(begin), mongosink.ReplaceCollection(r.prepared(),
		&mongosink.ReplaceCollectionOptions{
			Insert: opts, Description: description, Indexes: indexes, DropTarget: true, AllowEmpty: true,
			StagingName: name + fillingSuffix, Check: r.checkMade,
		}), func() time.Duration { return r.checking })
	if result.Target == mongosink.TargetReplaced && r.refused(err) {
		err = nil
	}
	r.data.Later = limited || len(indexes) < len(r.head.Indexes)
	return err
}

// staged reports whether an earlier run prepared the collection. Which documents it chose is only
// known if it chose all.
func (r *collectionRestore) staged(ctx context.Context) (bool, error) {
	if r.job.fresh || r.job.opts.partial() {
		return false, nil
	}
	found, err := lookUp(ctx, r.prepared())
	if err != nil || found == nil {
		return false, err
	}
	have, err := r.tallyOf(ctx, r.prepared())
	if err != nil || !have.SameDocuments(r.listed) {
		return false, err
	}
	r.data.Made = found.UUID
	r.data.Want, r.data.Later = r.listed, true // the earlier run may have been refused indexes
	r.counts = Counts{Documents: r.listed.Documents, Bytes: r.listed.Bytes}
	return true, nil
}

// prepared returns the collection that gets the name of the target.
func (r *collectionRestore) prepared() *mongo.Collection {
	return collectionOf(r.job.client, mongosource.Namespace{
		Database: r.target.to.Database, Collection: r.job.view.preparedName(r.target),
	})
}

// refused notes indexes that the server refused although the documents are there. It returns false
// for another error.
func (r *collectionRestore) refused(err error) bool {
	indexes := indexErrorIn(err)
	if indexes == nil || stream.ClassOf(err) == stream.UnknownOutcome {
		return false
	}
	for _, f := range indexes.Failed {
		r.data.Failed = append(r.data.Failed, fmt.Sprintf("the index %s of %s: %s", printable.Quote(f.Name),
			quoted(r.target.to), f.Message))
	}
	return true
}

// checkMade is check for the collection that becomes the prepared one. It notes its UUID, which a
// rename does not change.
func (r *collectionRestore) checkMade(ctx context.Context, coll *mongo.Collection) error {
	found, err := lookUp(ctx, coll)
	if err != nil {
		return err
	}
	if found != nil {
		r.data.Made = found.UUID
	}
	return r.check(ctx, coll)
}

// check compares the documents of a collection with those that it was given.
func (r *collectionRestore) check(ctx context.Context, coll *mongo.Collection) error {
	have, err := r.tallyOf(ctx, coll)
	want := r.data.Want
	switch {
	case err != nil:
		return err
	case have.SameDocuments(want):
		return nil
	}
	if kept, err := r.keptTail(ctx, have); err != nil || kept {
		return err
	}
	return fmt.Errorf("%w: %d documents of %d bytes, and not %d of %d", ErrNotEqual, have.Documents, have.Bytes,
		want.Documents, want.Bytes)
}

// compare accepts a target that has the documents already, as after a restore whose end was lost.
func (r *collectionRestore) compare(ctx context.Context) error {
	same, err := r.hasAll(ctx)
	if err != nil {
		return err
	}
	if !same {
		return fmt.Errorf("%s: %w", quoted(r.target.to), ErrTargetExists)
	}
	r.data.Later = true
	return r.compareOptions(ctx)
}

// hasAll reports whether the target has exactly the documents that are restored, and counts them.
func (r *collectionRestore) hasAll(ctx context.Context) (bool, error) {
	r.data.Want = r.listed
	same, err := r.isThere(ctx)
	if err != nil || !same {
		return false, err
	}
	r.data.Present = true
	r.counts = Counts{
		Documents: r.data.Want.Documents, Bytes: r.data.Want.Bytes, AlreadyThere: 1, Erased: r.counts.Erased,
	}
	return true, nil
}

// isThere reports whether the target has the documents that are restored.
func (r *collectionRestore) isThere(ctx context.Context) (bool, error) {
	if r.target.entry.Kind == mongosource.KindTimeSeries {
		return r.sameSeries(ctx)
	}
	if r.job.opts.partial() {
		if err := r.documents(newTally).Each(ctx, func(bson.Raw) error { return nil }); err != nil {
			return false, err
		}
	}
	have, err := r.tallyOf(ctx, r.coll)
	if err != nil {
		return false, err
	}
	r.data.Found = have.Documents
	if have.SameDocuments(r.data.Want) {
		return true, nil
	}
	return r.keptTail(ctx, have)
}

// keptTail reports whether the target is a capped collection that has dropped its oldest documents, and
// no others. It reads the backup again.
func (r *collectionRestore) keptTail(ctx context.Context, have Tally) (bool, error) {
	want := r.data.Want
	dropped := want.Documents - have.Documents
	if r.target.entry.Kind != mongosource.KindCapped || dropped <= 0 || have.Documents == 0 {
		return false, nil
	}
	counts, at, tail := r.counts, int64(0), newTally()
	err := r.documents(newTally).Each(ctx, func(doc bson.Raw) error {
		if at++; at > dropped {
			tail.add(doc)
		}
		return nil
	})
	r.counts, r.data.Want = counts, want
	if err != nil || !have.SameDocuments(tail.result()) {
		return false, err
	}
	r.weaker("the capped collection %s kept %d documents of %d", quoted(r.target.to), have.Documents, want.Documents)
	return true, nil
}

func (r *collectionRestore) weaker(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !slices.Contains(r.data.Weaker, text) { // a part that was repeated says it twice
		r.data.Weaker = append(r.data.Weaker, text)
	}
}

// quoted returns a namespace for an error.
func quoted(ns mongosource.Namespace) string { return printable.Quote(ns.String()) }

var anything = bson.D{}
