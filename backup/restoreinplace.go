package backup

import (
	"context"
	"fmt"

	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// tryMerge compares the documents with those of a collection that exists. Nothing is merged into a
// capped collection or a time series: it must have the documents already, as after a merge that made
// it and was interrupted later.
func (r *collectionRestore) tryMerge(ctx context.Context, found *mongosource.Collection) error {
	var err error
	kind := r.target.entry.Kind
	switch {
	case found.Kind == kind && (kind == mongosource.KindCapped || kind == mongosource.KindTimeSeries):
		err = r.acceptWhole(ctx)
	case kind == mongosource.KindTimeSeries:
		err = mongosink.ErrNotRepeatable
	default:
		r.data.Merge = true
		opts := &mongosink.MergeOptions{Insert: r.insert(ctx), DryRun: true}
		_, err = stream.Run(ctx, r.documents(newTally), mongosink.Merge(r.coll, opts))
	}
	if err != nil {
		return err
	}
	if r.data.Later, err = r.isLater(ctx); err == nil && !r.data.Later {
		r.weaker("the options and indexes of %s were left as they are", quoted(r.target.to))
	}
	return err
}

// acceptWhole returns an error unless the target has exactly the documents that are restored.
func (r *collectionRestore) acceptWhole(ctx context.Context) error {
	same, err := r.hasAll(ctx)
	if err == nil && !same {
		err = mongosink.ErrNotRepeatable
	}
	return err
}

// later returns the mark of a target that did not exist before a merge, and whose indexes are not all
// there.
func (r *collectionRestore) later() mark {
	return mark{r.coll.Database().Collection(r.prepared().Name() + laterSuffix)}
}

// isLater reports whether an earlier run of this merge made the target and did not complete it.
func (r *collectionRestore) isLater(ctx context.Context) (bool, error) {
	set, made, err := r.later().read(ctx)
	if err != nil || !set || made == (uuid{}) {
		return false, err
	}
	found, err := lookUp(ctx, r.coll)
	if err != nil || found == nil {
		return false, err
	}
	have, err := uuidOf(ctx, r.coll, found)
	return have == made, err
}

// noteLater sets the mark of a target that the merge made, and that gets its indexes and its time limit
// later.
func (r *collectionRestore) noteLater(ctx context.Context, made uuid) error {
	if err := r.later().set(ctx); err != nil {
		return err
	}
	return r.later().note(ctx, made)
}

// fillOrMerge fills a target that has its name already.
func (r *collectionRestore) fillOrMerge(ctx context.Context) error {
	if !r.isFilledLater() {
		return nil
	}
	fill := r.fill
	if r.data.Merge {
		fill = r.merge
	}
	if err := fill(ctx); err != nil {
		return err
	}
	documents := Counts{Documents: r.data.Want.Documents, Bytes: r.data.Want.Bytes}
	r.settle(DocumentsCompared, Finishing, documents)
	return nil
}

// merge adds the documents to a collection that exists.
func (r *collectionRestore) merge(ctx context.Context) error {
	if err := r.survey(ctx); err != nil {
		return err
	}
	done := r.counts
	result, err := stream.Run(ctx, r.documents(newTally),
		mongosink.Merge(r.coll, &mongosink.MergeOptions{Insert: r.insert(ctx)}))
	r.counts = done
	if err != nil {
		return err
	}
	if n := result.Inserted + result.InsertResult.AlreadyThere + result.Present; n != r.data.Want.Documents {
		return fmt.Errorf("%w: %d documents of %d are there", ErrNotEqual, n, r.data.Want.Documents)
	}
	return r.confirmMajority(ctx) // of the documents that were there before
}
