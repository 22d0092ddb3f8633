package backup

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
// compares it with the backup, and drops it. Users and roles are not restored.
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
	restore.name = "drill " + v.manifest.Run
	return &drillJob{restoreJob: restore, opts: o, began: time.Now()}
}

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
		name := j.view.preparedName(t.to)
		ours[t.to.Collection], ours[name], ours[name+fillingSuffix] = true, true, true
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
	if err := checkUnit(u, j.name, len(j.all)); err != nil {
		return Receipt{}, failed("drill", err)
	}
	r := j.collection(u.Number)
	found, err := j.drill(ctx, r)
	if err != nil {
		return Receipt{}, failed("drill", err)
	}
	data, err := json.Marshal(found)
	if err != nil {
		return Receipt{}, failed("drill", err)
	}
	return Receipt{Unit: u, Counts: r.counts, Data: data}, nil
}

// drill restores a collection and drops it.
func (j *drillJob) drill(ctx context.Context, r *collectionRestore) (found problems, err error) {
	tried := r.try(ctx)
	cleaning, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout(ctx))
	defer cancel()
	if err := errors.Join(r.abandon(cleaning), r.coll.Drop(cleaning)); err != nil {
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
	report, found, err := j.view.gather("drill", j.name, len(j.all), receipts)
	if err != nil {
		return report, failed("drill", err)
	}
	for _, c := range j.view.manifest.Collections {
		if c.Kind == KindUsers || c.Kind == KindRoles {
			report.Weaker = append(report.Weaker, "the drill did not restore the "+string(c.Kind))
			report.Counts.Collections--
		}
	}
	return j.view.conclude(ctx, j.began, j.opts.VerifyOptions, report, found)
}
