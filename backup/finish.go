package backup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"filippo.io/age"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// Finish implements [Job]. It makes the backup from the plan and the receipts in the store, and
// needs none of its argument.
func (j *backupJob) Finish(ctx context.Context, _ []Receipt) (Report, error) {
	ctx = stream.WithoutDrain(ctx) // a list that is cut short would be a smaller backup
	p, err := j.plan(ctx)
	if err != nil {
		return Report{}, failed("finish", err)
	}
	j.progress.tell(Event{Kind: PhaseBegun, Phase: Finishing}, did{})
	m, err := j.repo.manifest(ctx, j.run)
	if errors.Is(err, ErrNoBackup) {
		m, err = j.commit(ctx, p)
	}
	if errors.Is(err, errOtherManifest) { // two processes finish the run: what one has made counts
		if other, readErr := j.repo.manifest(ctx, j.run); readErr == nil {
			m, err = other, nil
		}
	}
	if err != nil {
		return Report{}, failed("finish", err)
	}
	j.progress.finished(nil)
	return j.report(m), nil
}

// commit checks that all units are done, and stores the catalogs and the manifest.
func (j *backupJob) commit(ctx context.Context, p *plan) (*Manifest, error) {
	if err := j.repo.checkAlive(ctx, j.run, p.Parent); err != nil {
		return nil, err
	}
	f, err := j.newFinish(ctx, p)
	if err != nil {
		return nil, err
	}
	m, err := f.manifest(ctx)
	if err != nil {
		return nil, err
	}
	// Again, because the catalogs may have taken long.
	if err := j.repo.checkAlive(ctx, j.run, p.Parent); err != nil {
		return nil, err
	}
	if err := j.repo.putManifest(ctx, m); err != nil {
		return nil, err
	}
	return m, nil
}

// finish makes a manifest from the receipts of a run.
type finish struct {
	*backupJob
	plan    *plan
	records []age.Recipient
	numbers []int // of the collections in the manifest, by those in the plan; negative if left out
}

// newFinish numbers the collections, without those that were missing.
func (j *backupJob) newFinish(ctx context.Context, p *plan) (*finish, error) {
	f := &finish{backupJob: j, plan: p, numbers: make([]int, len(p.Collections))}
	var err error
	if f.records, err = j.recordRecipients(ctx, p); err != nil {
		return nil, err
	}
	if p.AllowMissing {
		for unit := range p.Units {
			proven, err := f.proven(ctx, unit)
			if err != nil {
				return nil, err
			}
			for _, c := range proven[len(proven)-1].Missing {
				f.numbers[c] = -1
			}
		}
	}
	next := 0
	for c := range f.numbers {
		if f.numbers[c] == 0 {
			f.numbers[c] = next
			next++
		}
	}
	return f, nil
}

// proven returns the chain of a unit, which must be complete.
func (f *finish) proven(ctx context.Context, unit int) (chain, error) {
	all, err := f.receipts(ctx, f.plan, unit)
	if err != nil {
		return nil, err
	}
	proven := findChain(&f.plan.Units[unit], all)
	if !proven.done() {
		return nil, fmt.Errorf("%w: unit %d", ErrIncomplete, unit)
	}
	return proven, nil
}

// cataloged is a collection whose catalog is stored.
type cataloged struct {
	number  int
	entry   CollectionEntry
	objects objectList
	times   times
}

// manifest stores the catalogs and returns the manifest.
func (f *finish) manifest(ctx context.Context) (*Manifest, error) {
	groups := stream.Via(source.Slice(f.groups()), stream.MapParallel(finishesAtOnce, f.catalogs))
	done, err := stream.Run(ctx, stream.Via(groups, stream.FlatMap(func(all []cataloged) []cataloged { return all })),
		sink.Slice[cataloged]())
	if err != nil {
		return nil, err
	}
	slices.SortFunc(done, func(a, b cataloged) int { return a.number - b.number })
	p := f.plan
	m := &Manifest{
		Kind: manifestKind, Format: format, Reader: format, Repository: f.repo.id, Run: f.run,
		Tool: "millweir", Label: p.Label, Server: p.Server, Began: p.Began,
		Consistency: p.Consistency, Epoch: p.Epoch, Parent: p.Parent, Encoding: p.Encoding, Retain: p.Retain,
		Collections: []CollectionEntry{}, LeftOut: p.LeftOut,
	}
	all := times{ended: p.Began}
	list := objectList{}
	for _, c := range done {
		list.addAll(c.objects)
		m.Collections = append(m.Collections, c.entry)
		all.merge(c.times)
	}
	if err := f.checkReused(ctx, list); err != nil {
		return nil, err
	}
	if m.Objects, err = f.repo.putObjects(ctx, f.run, list); err != nil {
		return nil, err
	}
	m.Ended = all.ended
	m.First, m.Last = all.bounds(p)
	for c, number := range f.numbers {
		if number < 0 {
			entry := &p.Collections[c]
			m.LeftOut = append(m.LeftOut, LeftOut{
				entry.Database, entry.Collection,
				"it was dropped, renamed, created again, or may not be read",
			})
		}
	}
	if m.Documents() == 0 && !p.AllowEmpty {
		return nil, fmt.Errorf("%w: there is no document", ErrNothing)
	}
	return m, nil
}

// checkReused returns an error unless the objects that earlier runs stored are there. Those of this run
// were checked with its receipts.
func (f *finish) checkReused(ctx context.Context, list objectList) error {
	reused := objectList{}
	for key, size := range list {
		if !strings.HasPrefix(key, dataPrefix+f.run+"/") {
			reused.add(key, size)
		}
	}
	lost, err := f.repo.lost(ctx, reused)
	if err == nil && len(lost) > 0 {
		err = damaged("%d objects of earlier backups are gone or were cut, such as %s: begin another backup",
			len(lost), lost[0])
	}
	return err
}
