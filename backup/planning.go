package backup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// Backup plans a backup of what the options select, and stores the plan. The job makes the backup:
//
//	job, err := repo.Backup(ctx, client, &backup.Options{Select: backup.Select{Include: []string{"shop"}}})
//	report, err := backup.Run(ctx, job, 4)
//
// The backup exists when Finish has returned nil, whole, and not before. If the job is killed, go on
// with [Repository.Resume] within 4 days, or begin another one.
//
//   - Memory: for each unit that is done at once, what a scan, the encoding and the store hold; and
//     the plan. Backup holds the keys of the parent's objects, and Finish those of all objects and
//     the rows of the segments of 4 collections. A [stream.Budget] of the context is honored.
//   - Errors: [ErrNothing], [ErrTooOld], [ErrDeleted], [ErrIncomplete], [ErrDamaged], ErrNoKey,
//     ErrCannotSign, ErrNoHold; those of the store and of package mongosource, wrapped.
//   - Limits: the user needs the role backup, or read on what is selected. Without a signing key, the
//     keys must have an identity, because a job reads its own plan.
func (r *Repository) Backup(ctx context.Context, client *mongo.Client, opts *Options) (Job, error) {
	o := opts.Defaults()
	ctx = stream.WithoutDrain(ctx) // a list that is cut short would be a smaller backup
	if err := o.check(r.store); err != nil {
		return nil, failed("backup", err)
	}
	j := &backupJob{repo: r.retaining(o.RetainUntil), client: client, run: newName(r.now())}
	j.progress = newProgress(o.Progress, "backup", j.run)
	p, err := j.makePlan(ctx, &o)
	if err != nil {
		return nil, failed("plan a backup", err)
	}
	recipients, err := j.recordRecipients(ctx, p)
	if err == nil {
		err = j.repo.putPlan(ctx, j.run, p, recipients)
	}
	if err != nil {
		return nil, failed("store the plan", err)
	}
	if _, err := j.plan(ctx); err != nil { // what is stored is what is done
		return nil, failed("read the plan", err)
	}
	j.progress.expect(p.total(), p.estimate())
	return j, nil
}

// makePlan finds out what there is, and divides it.
func (j *backupJob) makePlan(ctx context.Context, o *Options) (*plan, error) {
	if err := j.repo.checkSigns(ctx); err != nil {
		return nil, err
	}
	began, _ := parseName(j.run)
	p := &plan{planHead: planHead{
		Began: began, Label: o.Label, Encoding: o.Encoding, Retain: o.RetainUntil.UTC().Truncate(time.Millisecond),
		SegmentBytes: o.SegmentBytes, AllowMissing: o.AllowMissing, AllowEmpty: o.AllowEmpty,
	}}
	if o.RetainUntil.IsZero() {
		p.Retain = time.Time{}
	}
	var err error
	if !j.repo.plain {
		if p.Epoch, _, err = j.repo.recipient(ctx); err != nil {
			return nil, err
		}
	}
	identities, err := j.repo.recordIdentities(ctx, p.Epoch)
	if err != nil {
		return nil, err // the job could not read its own plan
	}
	if p.Server, err = describeServer(ctx, j.client); err != nil {
		return nil, err
	}
	if p.First, err = serverTime(ctx, j.client); err != nil {
		return nil, err
	}
	found, err := selectCollections(ctx, j.client, o)
	if err != nil {
		return nil, err
	}
	p.LeftOut = found.leftOut
	described, err := describeAll(ctx, j.client, found.collections, o.AllowMissing)
	if err != nil {
		return nil, err
	}
	p.addCollections(described)
	if len(p.Collections) == 0 && !o.AllowEmpty {
		return nil, fmt.Errorf("%w: there is no collection", ErrNothing)
	}
	if err := j.chooseTime(ctx, p, o); err != nil {
		return nil, err
	}
	parent, err := j.repo.findParent(ctx, o, p.Epoch, p.Collections)
	if err != nil {
		return nil, err
	}
	var ranges map[int][]parentRange
	if parent != nil {
		p.Parent = parent.Run
		ranges, err = j.repo.matchParent(ctx, parent, identities, p)
		switch {
		case errors.Is(err, agecodec.ErrNoMatch) && o.Parent == "": // another writer made it
			p.Parent, ranges = "", nil
			p.forgetParent()
		case err != nil:
			return nil, fmt.Errorf("read the parent %s: %w", parent.Run, err)
		}
	}
	return p, j.divide(ctx, p, ranges)
}

// chooseTime finds out at which times the server can read.
func (j *backupJob) chooseTime(ctx context.Context, p *plan, o *Options) error {
	p.Consistency = mongosource.Fuzzy.String()
	unordered := false
	var unread error // of a collection that may not be read now, and perhaps later
	for i := range p.Collections {
		c := &p.Collections[i]
		if !c.hasOrder() {
			isAccess := c.Head.Kind == KindUsers || c.Head.Kind == KindRoles
			unordered = unordered || c.Head.Kind != mongosource.KindView && !isAccess
			continue
		}
		if p.Snapshots {
			continue
		}
		at, err := mongosource.SnapshotTime(ctx, j.client.Database(c.Database).Collection(c.Collection))
		if errors.Is(err, mongosource.ErrNoSnapshot) && o.Consistency == mongosource.Fuzzy {
			return nil
		}
		if err != nil && o.AllowMissing && isMissing(err) {
			unread = err // its unit finds that out too
			continue
		}
		if err != nil {
			return fmt.Errorf("find out at which times the server reads: %w", err)
		}
		p.Snapshots = true
		if o.Consistency == mongosource.Instant {
			p.At = at
		}
	}
	unproven := unread != nil && !p.Snapshots
	switch {
	case unproven && o.Consistency != mongosource.Fuzzy:
		return fmt.Errorf("the consistency %v: no collection proves that the server reads at one time: %w",
			o.Consistency, unread)
	case unordered && o.Consistency != mongosource.Fuzzy:
		return invalid("the consistency %v: capped and time series collections cannot be read at one time: exclude them",
			o.Consistency)
	case unordered || unproven:
	case o.Consistency == mongosource.Instant:
		p.Consistency = mongosource.Instant.String()
	default:
		p.Consistency = mongosource.PerRange.String()
	}
	return nil
}

// addCollections adds the collections that could be described, and says which could not.
func (p *plan) addCollections(described []planCollection) {
	for _, c := range described {
		if c.missing {
			p.LeftOut = append(p.LeftOut, LeftOut{c.Database, c.Collection, "it may not be read"})
			continue
		}
		c.Head.Salt = randomHex(saltLength)
		p.Collections = append(p.Collections, c)
	}
}

// saltLength is the number of random bytes in a catalog.
const saltLength = 16

// forgetParent makes all collections be stored again.
func (p *plan) forgetParent() {
	for i := range p.Collections {
		p.Collections[i].InParent = -1
	}
}
