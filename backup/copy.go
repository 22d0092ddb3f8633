package backup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/millweir/millweir/stream"
)

// CopyOptions tunes [View.Copy]. The zero value is ready to use.
type CopyOptions struct {
	Progress func(Event) // gets the events: see [Options]

	// RetainUntil protects the objects of the backup and repo.json in the other store from deletion
	// until then, also those that are there already. It makes no protection shorter. Keys, and the
	// signature of repo.json, stay deletable. Zero protects nothing. If the other store cannot do
	// that, the error is [ErrNoHold], and nothing is copied.
	RetainUntil time.Time
}

// Copy returns a job that copies the backup to another store, byte for byte. The copy is a repository
// with the same id, keys and signatures: open it as the first one.
//
//   - The store must be empty, or have a copy of this repository. Keys of an epoch that the copy has
//     are not copied again, so that [Repository.Rekey] gives the copy other keys for good.
//   - Units: parts of collections. Each reads its segments back from the other store and compares
//     their SHA-256 with the catalog. An object with a damaged segment of the unit is not copied.
//   - Finish copies the list of objects, the signature, and then the manifest. If the copy was
//     deleted before, Finish deletes its tombstone last.
//   - Repetition: run the job again after a failure. Objects that are there are read and compared.
//   - Time: finish within 4 days after the first unit. A sweep of the other store may delete older
//     objects that no manifest there names. Then Finish fails with [ErrTooOld]: sweep that store,
//     and copy again.
//   - Keys: an identity, or the signing key of the backup's writer.
//   - Cost: each byte is read once from each store.
//   - Errors: [ErrNotEmpty], [ErrUnfit], [ErrDamaged], [ErrNotFound], [ErrNoHold]; [ErrShredded] if
//     the keys were deleted in one of the stores; those of the stores. An error about the other
//     store is a [*CopyTargetError].
func (v *View) Copy(to Store, opts *CopyOptions) Job {
	o := CopyOptions{}
	if opts != nil {
		o = *opts
	}
	r := *v.repo
	r.store = copyTarget{to}
	copied := newView(r.retaining(o.RetainUntil), v.manifest)
	copied.keys = v.keys // the copy may have other envelopes, but its epoch is the same
	return &copyJob{
		view: v, copied: copied, target: &r, to: to, name: "copy " + v.manifest.Run, retain: o.RetainUntil,
		progress: newProgress(o.Progress, "copy", v.manifest.Run),
	}
}

type copyJob struct {
	view, copied *View       // the backup, and what the other store has of it
	target       *Repository // the copy, without protection: keys must be deletable
	to           Store       // the other store; its errors are not wrapped yet
	name         string
	retain       time.Time
	progress     *progress
	meters       meters
}

// Units implements [Job]. It makes the other store a repository.
func (j *copyJob) Units(ctx context.Context) ([]Unit, error) {
	ctx = stream.WithoutDrain(ctx)
	if err := j.checkRetain(); err != nil {
		return nil, failed("copy", err)
	}
	if err := j.checkKeys(ctx); err != nil {
		return nil, failed("copy", err)
	}
	if err := j.copyRepository(ctx); err != nil {
		return nil, failed("copy", err)
	}
	total := totalOf(j.view.manifest)
	total.Units = len(j.view.manifest.parts())
	j.progress.expect(total, total.Bytes)
	return units(j.name, total.Units), nil
}

// Do implements [Job].
func (j *copyJob) Do(ctx context.Context, u Unit) (Receipt, error) {
	ctx = stream.WithoutDrain(ctx)
	parts := j.view.manifest.parts()
	if err := checkUnit(u, j.name, len(parts)); err != nil {
		return Receipt{}, failed("copy", err)
	}
	c := &partCopy{copyJob: j, part: parts[u.Number], unit: u.Number}
	c.tell(UnitBegun, did{})
	if err := c.run(ctx); err != nil {
		return Receipt{}, failed("copy", err)
	}
	c.tell(UnitDone, did{})
	return Receipt{Unit: u, Counts: c.counts}, nil
}

// Finish implements [Job].
func (j *copyJob) Finish(ctx context.Context, receipts []Receipt) (Report, error) {
	ctx = stream.WithoutDrain(ctx)
	m := j.view.manifest
	report := Report{Job: "copy", Run: m.Run, Consistency: m.Consistency, Weaker: j.view.weaker()}
	receipts, err := oneEach(j.name, len(m.parts()), receipts)
	if err != nil {
		return report, failed("copy", err)
	}
	for _, r := range receipts {
		report.Counts.add(r.Counts)
	}
	report.Counts.Collections = int64(len(m.Collections))
	report.HeldBack = j.meters.ofWriting()
	if m.Retain.After(j.retain) && m.Retain.After(j.target.now()) {
		report.Weaker = append(report.Weaker, "the copy is not protected from deletion until "+
			m.Retain.UTC().Format(time.RFC3339)+", as the backup is")
	}
	j.progress.tell(Event{Kind: PhaseBegun, Phase: Finishing}, did{})
	if err := j.commit(ctx); err != nil {
		return report, failed("copy", err)
	}
	if err := j.target.unburyIfPresent(ctx, m.Run); err != nil {
		if stream.ClassOf(err) != stream.Fatal || ctx.Err() != nil {
			return report, failed("copy", ofTarget(err))
		}
		report.Weaker = append(report.Weaker, "the other store still says that the copy was deleted: no backup there "+
			"reuses it, and its data has no grace when it is deleted again")
	}
	j.progress.finished(nil)
	return report, nil
}

// commit copies what names the segments. The manifest comes last: it makes the copy a backup.
func (j *copyJob) commit(ctx context.Context) error {
	m := j.view.manifest
	if err := j.copyObject(ctx, objectListKey(m.Run, m.Objects)); err != nil {
		return err
	}
	if err := j.checkObjects(ctx); err != nil {
		return ofTarget(err)
	}
	for n := range m.Collections {
		if err := j.copied.rows(n).Each(ctx, func(catalogRow) error { return nil }); err != nil {
			return ofTarget(err)
		}
	}
	key := manifestKey(m.Run)
	err := j.copyObject(ctx, key+signatureSuffix)
	signed := err == nil
	if err != nil && (!errors.Is(err, ErrNotFound) || isOfTarget(err)) {
		return err
	}
	if err := j.copyObject(ctx, key); err != nil {
		return err
	}
	if signed { // a prune of the other store may have been about to delete it
		if _, err := get(ctx, j.target.store, key+signatureSuffix); err != nil {
			return fmt.Errorf("the signature of the copy: %w", err)
		}
	}
	found, err := j.copied.repo.manifest(ctx, m.Run)
	if err == nil && found.sha256 != m.sha256 {
		err = failed(key, damaged("it has another manifest of this name"))
	}
	return ofTarget(err)
}

// checkRetain returns an error if the other store cannot protect objects until the time asked for.
func (j *copyJob) checkRetain() error {
	if j.retain.IsZero() {
		return nil
	}
	if _, holds := j.to.(Holder); !holds {
		return ofTarget(ErrNoHold)
	}
	if j.retain.Before(j.target.now()) {
		return invalid("the protection until %v has ended", j.retain)
	}
	return nil
}

// copyObject copies an object, unless the other store has the key. An object that is there is
// protected as long as the others are.
func (j *copyJob) copyObject(ctx context.Context, key string) error {
	_, err := stream.Run(ctx, j.view.repo.store.Get(key, nil), j.copied.repo.store.Put(key, nil))
	if errors.Is(err, ErrExists) {
		err = j.copied.repo.hold(ctx, key)
	}
	return err
}

// copySmall copies a small object that is not protected, and compares it with what the other store
// has.
func (j *copyJob) copySmall(ctx context.Context, key string) error {
	_, err := stream.Run(ctx, j.view.repo.store.Get(key, nil), j.target.store.Put(key, nil))
	if err := existing(err); err != nil {
		return err
	}
	want, err := get(ctx, j.view.repo.store, key)
	if err != nil {
		return err
	}
	found, err := get(ctx, j.target.store, key)
	if err == nil && string(found) != string(want) {
		err = ofTarget(fmt.Errorf("%w: its %s is another one", ErrNotEmpty, key))
	}
	return err
}
