package backup

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// DrillOptions tunes [View.Drill]. The zero value is ready to use.
type DrillOptions struct {
	// Database is the scratch database. "" means millweir_drill_ and the random part of the backup's
	// name. It must have nothing except for what another drill of this backup left.
	Database string

	Parallelism int // as in [RestoreOptions]
	VerifyOptions
}

// Drill returns a verification that restores every collection into a scratch database, reads it back,
// compares it with the backup, and drops it. Users and roles are read, and not restored.
//
//   - Units: collections. The server holds as many as units are done at a time.
//   - Result, proof, errors: as [View.Verify]. An index that the server refuses is a problem, too.
//   - Failure: what a killed drill left is removed by the next one, and by [Abandoner].
func (v *View) Drill(client *mongo.Client, opts *DrillOptions) Job {
	o := DrillOptions{}
	if opts != nil {
		o = *opts
	}
	_, random, _ := strings.Cut(v.manifest.Run, "-")
	o.Database = cmp.Or(o.Database, "millweir_drill_"+random)
	restore := newRestore(v, client, &RestoreOptions{
		DropTarget: true, Parallelism: o.Parallelism,
		Rename: func(ns mongosource.Namespace) mongosource.Namespace {
			to := mongosource.Namespace{Database: o.Database, Collection: ns.Collection}
			if n, ok := v.numbers[ns]; ok {
				to.Collection = fmt.Sprintf("c%d", n)
			}
			return to
		},
	})
	restore.progress = newProgress(o.Progress, "verify", v.manifest.Run)
	restore.name, restore.fresh = "drill "+v.manifest.Run, true
	restore.access = v.access(func(Kind) bool { return true })
	return &drillJob{restoreJob: restore, opts: o, began: time.Now()}
}

// drillDepth is the depth of a drill, in its report and its proof.
const drillDepth = "drill"

type drillJob struct {
	*restoreJob
	opts  DrillOptions
	began time.Time
}

// Units implements [Job]. It refuses a scratch database with collections of others.
func (j *drillJob) Units(ctx context.Context) ([]Unit, error) {
	ctx = stream.WithoutDrain(ctx)
	all, err := j.restoreJob.Units(ctx)
	if err != nil {
		return nil, err
	}
	ours := map[string]bool{}
	for _, t := range j.all {
		name := j.view.preparedName(t)
		ours[name], ours[name+fillingSuffix] = true, true
		ours[t.to.Collection] = inPlace(t.entry.Kind)
	}
	for c, err := range stream.All(ctx, mongosource.Collections(j.client.Database(j.opts.Database), nil)) {
		if err != nil {
			return nil, failed("drill", err)
		}
		if !ours[c.Name] {
			ns := mongosource.Namespace{Database: j.opts.Database, Collection: c.Name}
			return nil, failed("drill", fmt.Errorf("%s: %w", quoted(ns), ErrTargetExists))
		}
	}
	return all, nil
}

// Do implements [Job].
func (j *drillJob) Do(ctx context.Context, u Unit) (Receipt, error) {
	ctx = stream.WithoutDrain(ctx)
	if j.err != nil {
		return Receipt{}, failed("drill", j.err)
	}
	if err := checkUnit(u, j.name, j.units()); err != nil {
		return Receipt{}, failed("drill", err)
	}
	var result drilled
	var counts Counts
	var err error
	if u.Number < len(j.all) {
		r := j.collection(u.Number)
		r.tell(UnitBegun, Reading, did{})
		result.problems, err = j.drill(ctx, r)
		result.Weaker, counts = r.data.Weaker, r.counts
		if err == nil && len(result.List) == 0 { // it is proven
			r.settle(UnitDone, Comparing, counts)
		}
	} else {
		result.problems, counts, err = j.readAccess(ctx, u.Number)
	}
	if err != nil {
		return Receipt{}, failed("drill", err)
	}
	data, err := json.Marshal(result)
	if err != nil {
		return Receipt{}, failed("drill", err)
	}
	return Receipt{Unit: u, Counts: counts, Data: data}, nil
}

// drilled is the data of a receipt of a drill.
type drilled struct {
	problems
	Weaker []string `json:"weaker,omitempty"` // for the report
}

// drill restores a collection and drops it. What another drill left is removed first, because nothing
// says that it came from the backup.
func (j *drillJob) drill(ctx context.Context, r *collectionRestore) (found problems, err error) {
	if err := r.clean(ctx); err != nil {
		return found, err
	}
	tried := r.try(ctx)
	cleaning, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout(ctx))
	defer cancel()
	if err := r.clean(cleaning); err != nil {
		return found, errors.Join(tried, err)
	}
	switch {
	case errors.Is(tried, ErrNotEqual):
		found.add(maxUnitProblems, r.target.entry.problem("", 0, reasonRefused, tried))
	case tried != nil && (!isProblem(ctx, tried) || reasonOf(tried) == reasonUnreadable): // of the server
		return found, tried
	case tried != nil:
		found.add(maxUnitProblems, r.target.entry.problem("", 0, reasonOf(tried), tried))
	}
	for _, refused := range r.data.Failed {
		found.add(maxUnitProblems, r.target.entry.problem("", 0, reasonRefused, errors.New(refused)))
	}
	return found, nil
}

// clean removes what a drill makes of a collection.
func (r *collectionRestore) clean(ctx context.Context) error {
	err := r.abandon(ctx)
	if inPlace(r.target.entry.Kind) {
		err = errors.Join(err, drop(ctx, r.coll))
	}
	return err
}

// inPlace reports whether a restore makes a collection of the kind under its name, without a prepared
// one that is renamed.
func inPlace(kind Kind) bool {
	return kind == mongosource.KindTimeSeries || kind == mongosource.KindView
}

// try does everything of the restore of a collection, except for its name.
func (r *collectionRestore) try(ctx context.Context) error {
	if err := r.prepare(ctx); err != nil {
		return err
	}
	switch r.target.entry.Kind {
	case mongosource.KindTimeSeries:
		return r.fill(ctx)
	case mongosource.KindView:
		return r.createView(ctx)
	}
	return nil
}

// Finish implements [Job].
func (j *drillJob) Finish(ctx context.Context, receipts []Receipt) (Report, error) {
	ctx = stream.WithoutDrain(ctx)
	j.progress.tell(Event{Kind: PhaseBegun, Phase: Finishing}, did{})
	report, found, err := j.view.gather(drillDepth, j.name, j.units(), receipts)
	if err == nil && len(found.List) == 0 && !j.view.complete(report.Counts) {
		err = errReceipt
	}
	if err != nil {
		return report, failed("drill", err)
	}
	for _, receipt := range receipts {
		var result drilled
		if err := json.Unmarshal(receipt.Data, &result); err != nil {
			return report, failed("drill", errReceipt)
		}
		for _, weaker := range result.Weaker {
			if !slices.Contains(report.Weaker, weaker) { // a unit that was done twice says it twice
				report.Weaker = append(report.Weaker, weaker)
			}
		}
	}
	for _, c := range j.view.manifest.Collections {
		if c.Kind == KindUsers || c.Kind == KindRoles {
			report.Weaker = append(report.Weaker, "the drill did not restore the "+string(c.Kind))
			report.Counts.Collections--
		}
	}
	report.HeldBack = j.meters.ofWriting()
	report, err = j.view.conclude(ctx, j.began, j.opts.VerifyOptions, report, found)
	if left := j.tidy(ctx); left != nil {
		err = errors.Join(err, failed("drill", left))
	}
	j.progress.finished(err)
	return report, err
}
