package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// Finish implements [Job]. It makes what the units prepared visible.
func (j *restoreJob) Finish(ctx context.Context, receipts []Receipt) (Report, error) {
	ctx = stream.WithoutDrain(ctx)
	m := j.view.manifest
	report := Report{Job: "restore", Run: m.Run, Consistency: m.Consistency, Weaker: j.view.weaker()}
	j.progress.tell(Event{Kind: PhaseBegun, Phase: Finishing}, did{})
	report.HeldBack = j.meters.ofWriting()
	all, err := j.prepared(receipts)
	if err == nil {
		err = j.publish(ctx, all)
	}
	for _, r := range all {
		report.Counts.add(r.counts)
		report.Weaker = append(report.Weaker, r.data.Weaker...)
	}
	if err != nil {
		return report, failed("restore", err)
	}
	weaker, err := j.restoreAccess(ctx)
	report.Weaker = append(report.Weaker, weaker...)
	err = errors.Join(wrapped("restore", err), incomplete(all))
	j.progress.finished(err)
	return report, err
}

// wrapped is failed for an error that may be nil.
func wrapped(what string, err error) error {
	if err == nil {
		return nil
	}
	return failed(what, err)
}

// prepared returns the restores of all targets, with the results of their units.
func (j *restoreJob) prepared(receipts []Receipt) ([]*collectionRestore, error) {
	if j.err != nil {
		return nil, j.err
	}
	receipts, err := oneEach(j.name, j.units(), receipts)
	if err != nil {
		return nil, err
	}
	all := j.collections()
	for n, receipt := range receipts[:len(all)] {
		all[n].counts = receipt.Counts
		all[n].told.work = all[n].target.entry.Bytes // of its unit, at least
		if err := json.Unmarshal(receipt.Data, &all[n].data); err != nil {
			return nil, errReceipt
		}
	}
	return all, nil
}

// publish makes all targets visible: first those that need only a name, and views last.
func (j *restoreJob) publish(ctx context.Context, all []*collectionRestore) error {
	for _, r := range all {
		if err := r.checkPublish(ctx); err != nil {
			return err
		}
	}
	for _, step := range []func(*collectionRestore, context.Context) error{
		(*collectionRestore).publish, (*collectionRestore).fillOrMerge, (*collectionRestore).complete,
		(*collectionRestore).confirm,
	} {
		for _, r := range all {
			if err := step(r, ctx); err != nil {
				return fmt.Errorf("%s: %w", quoted(r.target.to), err)
			}
		}
	}
	if err := j.tidy(ctx); err != nil {
		return fmt.Errorf("all documents are restored; remove what is left of the preparation: %w", err)
	}
	return nil
}

// complete does what comes after the documents: views, and what lets documents expire.
func (r *collectionRestore) complete(ctx context.Context) error {
	if r.target.entry.Kind == mongosource.KindView {
		if err := r.survey(ctx); err != nil {
			return err
		}
		return r.createView(ctx)
	}
	if !r.data.Later {
		return nil
	}
	if err := r.survey(ctx); err != nil {
		return err
	}
	if err := r.createIndexes(ctx, r.head.Indexes); err != nil {
		return err
	}
	if err := r.setExpiry(ctx); err != nil || !r.job.opts.Merge {
		return err
	}
	return drop(ctx, r.later().coll)
}

// incomplete returns [ErrMetadata] with the first of what the server refused, if it refused
// something.
func incomplete(all []*collectionRestore) error {
	var refused []string
	for _, r := range all {
		refused = append(refused, r.data.Failed...)
	}
	if len(refused) == 0 {
		return nil
	}
	more := ""
	if len(refused) > 1 {
		more = fmt.Sprintf(", and %d more", len(refused)-1)
	}
	return failed("restore", fmt.Errorf("%w: %s%s", ErrMetadata, refused[0], more))
}
