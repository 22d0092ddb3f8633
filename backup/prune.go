package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// PruneOptions tunes [Repository.Prune]. The zero value is ready to use.
type PruneOptions struct {
	// DryRun deletes nothing.
	DryRun bool

	// Unverified deletes backups although nothing proves that the newest one can be read.
	Unverified bool

	Progress func(Event) // gets the events: see [Options]
}

// Pruned says what a prune did, or with a dry run would do.
type Pruned struct {
	Kept    []Kept   `json:"kept"`    // the newest first
	Deleted []string `json:"deleted"` // the names of the backups, the oldest first

	// Weaker names what is weaker than it should be: that the newest backup was not proven.
	Weaker []string `json:"weaker,omitempty"`
}

// ErrUnverified is the error of [Repository.Prune] if no proof says that the newest backup can be
// read, or a later one says that it is damaged.
var ErrUnverified = fatal("nothing proves that the newest backup can be read: verify it first")

// Prune deletes the backups that no rule of the retention keeps, the oldest first. It deletes their
// manifests; [Repository.Sweep] deletes their data after the grace. It needs no identity and holds no
// lock.
//
//   - Backups whose objects are protected from deletion (Object Lock) are kept until that ends.
//   - Before the first deletion, a signed proof must say that the newest backup was read as a whole
//     (Read or Drill), after the last verification that found damage. Otherwise the error is
//     [ErrUnverified], and nothing is deleted.
//   - Each deletion stores a signed tombstone first. A prune that is killed can be repeated.
//   - If the store protects a backup for longer than the manifest says, as a copy can be, the error
//     is [ErrHeld], after the others are deleted. That backup stays, and its tombstone is deleted
//     again.
//   - A damaged manifest, or one whose signature does not match, is an error, and nothing is deleted.
func (r *Repository) Prune(ctx context.Context, p Retention, opts *PruneOptions) (Pruned, error) {
	o := PruneOptions{}
	if opts != nil {
		o = *opts
	}
	result, err := r.prune(ctx, p, o)
	if err != nil {
		err = failed("prune", err)
	}
	return result, err
}

func (r *Repository) prune(ctx context.Context, p Retention, o PruneOptions) (result Pruned, err error) {
	if err := p.check(); err != nil {
		return result, err
	}
	backups, err := stream.Run(ctx, r.List(), sink.Slice[Manifest]())
	if err != nil {
		return result, err
	}
	var doomed []Manifest
	result.Kept, doomed = keep(p, backups, r.now())
	report := newProgress(o.Progress, "prune", "")
	if len(doomed) == 0 {
		report.finished(nil)
		return result, nil
	}
	if err := r.checkSigns(ctx); err != nil {
		return result, err
	}
	doubt, err := r.doubt(ctx, result.Kept[0].Run)
	switch {
	case err != nil:
		return result, err
	case doubt != "" && !o.Unverified:
		return result, fmt.Errorf("%w: %s", ErrUnverified, doubt)
	case doubt != "":
		result.Weaker = append(result.Weaker, "nothing proves that the newest backup can be read: "+doubt)
	}
	if !o.DryRun {
		report.expect(Total{Units: len(doomed)}, 0)
	}
	var held error // why the first backup that is protected was not deleted
	for i := range doomed {
		if !o.DryRun {
			err := r.remove(ctx, doomed[i].Run)
			if errors.Is(err, ErrHeld) && ctx.Err() == nil {
				held = cmp.Or(held, err)
				continue
			}
			if err != nil {
				return result, errors.Join(held, err)
			}
			report.run = doomed[i].Run
			report.tell(Event{Kind: BackupDeleted, Phase: Deleting}, did{})
		}
		result.Deleted = append(result.Deleted, doomed[i].Run)
	}
	report.run = ""
	report.finished(held)
	return result, held
}

// keep divides backups into those that are kept, the newest first, and the others, the oldest first.
func keep(p Retention, backups []Manifest, now time.Time) (kept []Kept, doomed []Manifest) {
	all := map[string]Manifest{}
	for _, m := range backups {
		all[m.Run] = m
	}
	for _, k := range p.Apply(backups, now) {
		m := all[k.Run]
		if m.Retain.After(now) {
			k.Rules = append(k.Rules, "protected until "+m.Retain.UTC().Format(time.RFC3339))
		}
		if len(k.Rules) > 0 {
			kept = append(kept, k)
		} else {
			doomed = append(doomed, m)
		}
	}
	slices.Reverse(doomed)
	return kept, doomed
}

// remove deletes a backup: first its tombstone appears, then its manifest and the signature
// disappear. A backup that the store protects stays, without a tombstone. A process that still saw
// the manifest may have deleted the tombstone: remove then stores it again.
func (r *Repository) remove(ctx context.Context, run string) error {
	if err := r.bury(ctx, run); err != nil {
		return err
	}
	err := r.delete(ctx, []string{manifestKey(run)})
	if errors.Is(err, ErrHeld) {
		return errors.Join(err, r.unburyIfPresent(ctx, run))
	}
	if err == nil {
		err = r.bury(ctx, run)
	}
	if err != nil {
		return err
	}
	return r.delete(ctx, []string{manifestKey(run) + signatureSuffix})
}
