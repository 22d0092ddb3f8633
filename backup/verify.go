package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/stream"
)

// Depth says what a verification reads.
type Depth string

// The depths of a verification.
const (
	// Present lists the objects of all segments and compares their sizes. It reads the catalogs, and
	// no segment: damage inside of objects is not found.
	Present Depth = "present"

	// Read reads, decrypts and decodes every segment, counts its documents, and compares all digests
	// and end records. It needs no database.
	Read Depth = "read"
)

// VerifyOptions tunes [View.Verify] and [View.Drill]. The zero value is ready to use.
type VerifyOptions struct {
	// NoProof leaves no proof in the repository, for a process that must not write to the store.
	NoProof bool

	Progress func(Event) // gets the events: see [Options]
}

// Verify returns a job that compares what the store has with what the backup names.
//
//   - Units: parts of collections. Each reads the catalog of its collection once.
//   - Result: the counts of what was verified. [Report].Proof is the key of a signed record, which
//     [Repository.Proofs] finds again. Without a signing key, a signed repository gets none.
//   - Memory: one chunk and one document for each unit at a time, whatever the size. With Present,
//     about 200 bytes for each segment of the unit: 32, or a 64th of those of a large collection.
//   - Errors: [*DamageError] lists what is missing or damaged, after everything was verified. It
//     leaves a proof, too. [ErrNoKey]; those of a store that does not answer.
func (v *View) Verify(depth Depth, opts *VerifyOptions) Job {
	j := &verifyJob{depth: depth, name: "verify " + string(depth) + " " + v.manifest.Run, began: time.Now()}
	if opts != nil {
		j.opts = *opts
	}
	j.view = v.measured(&j.meters)
	j.progress = newProgress(j.opts.Progress, "verify", v.manifest.Run)
	return j
}

type verifyJob struct {
	view  *View
	depth Depth
	opts  VerifyOptions
	name  string
	began time.Time

	progress *progress
	meters   meters
}

// Units implements [Job].
func (j *verifyJob) Units(context.Context) ([]Unit, error) {
	if j.depth != Present && j.depth != Read {
		return nil, failed("verify", fatal(fmt.Sprintf("the depth %.20q is neither %s nor %s", string(j.depth), Present,
			Read)))
	}
	total := totalOf(j.view.manifest)
	total.Units = j.units()
	j.progress.expect(total, total.Bytes)
	return units(j.name, j.units()), nil
}

// units returns the number of units: one for each part, and a last one for the list of the objects.
func (j *verifyJob) units() int { return len(j.view.manifest.parts()) + 1 }

// Do implements [Job].
func (j *verifyJob) Do(ctx context.Context, u Unit) (Receipt, error) {
	ctx = stream.WithoutDrain(ctx)
	if err := checkUnit(u, j.name, j.units()); err != nil {
		return Receipt{}, failed("verify", err)
	}
	v := &verification{view: j.view, unit: u.Number, progress: j.progress}
	v.tell(UnitBegun, did{})
	var err error
	switch parts := j.view.manifest.parts(); {
	case u.Number == len(parts):
		err = v.objectList(ctx)
	case j.depth == Read:
		err = v.of(parts[u.Number]).read(ctx)
	default:
		err = v.of(parts[u.Number]).present(ctx)
	}
	if err != nil {
		return Receipt{}, failed("verify", err)
	}
	data, err := json.Marshal(v.found)
	if err != nil {
		return Receipt{}, failed("verify", err)
	}
	v.tell(UnitDone, did{})
	return Receipt{Unit: u, Counts: v.counts, Data: data}, nil
}

// Finish implements [Job].
func (j *verifyJob) Finish(ctx context.Context, receipts []Receipt) (Report, error) {
	ctx = stream.WithoutDrain(ctx)
	j.progress.tell(Event{Kind: PhaseBegun, Phase: Finishing}, did{})
	report, found, err := j.view.gather(string(j.depth), j.name, j.units(), receipts)
	if err == nil && len(found.List) == 0 && !j.view.complete(report.Counts) {
		err = errReceipt
	}
	if err != nil {
		return report, failed("verify", err)
	}
	report.HeldBack = j.meters.ofVerification()
	report, err = j.view.conclude(ctx, j.began, j.opts, report, found)
	j.progress.finished(err)
	return report, err
}

// gather adds up the receipts of a verification.
func (v *View) gather(depth, name string, n int, receipts []Receipt) (report Report, found problems, err error) {
	m := v.manifest
	report = Report{Job: "verify", Run: m.Run, Consistency: m.Consistency, Weaker: v.weaker(), Depth: depth}
	receipts, err = oneEach(name, n, receipts)
	if err != nil {
		return report, found, err
	}
	for _, r := range receipts {
		report.Counts.add(r.Counts)
		var one problems
		if err := json.Unmarshal(r.Data, &one); err != nil {
			return report, found, errReceipt
		}
		for _, p := range one.List {
			found.add(maxProblems, p)
		}
		found.More += one.More
	}
	report.Counts.Collections = int64(len(m.Collections))
	return report, found, nil
}

// conclude stores the proof of a verification, and returns what it found as an error.
func (v *View) conclude(
	ctx context.Context, began time.Time, opts VerifyOptions, report Report, found problems,
) (_ Report, err error) {
	if !opts.NoProof {
		err = v.prove(ctx, began, &report, found)
	}
	if len(found.List) > 0 {
		err = errors.Join(&DamageError{v.manifest.Run, found.List, int64(len(found.List)) + found.More}, err)
	}
	return report, err
}

// complete reports whether the counts are those of the manifest.
func (v *View) complete(c Counts) bool {
	var segments int64
	for i := range v.manifest.Collections {
		segments += v.manifest.Collections[i].Segments
	}
	return c.Segments == segments && c.Documents == v.manifest.Documents() && c.Bytes == v.manifest.Bytes()
}

var errReceipt = stream.Mark(errors.New("a receipt is not of this job"), stream.Fatal)

// verification verifies one part.
type verification struct {
	view       *View
	part       part
	collection *CollectionEntry

	counts Counts
	found  problems

	unit     int
	progress *progress
}

// tell reports an event of the unit.
func (v *verification) tell(kind EventKind, d did) {
	e := Event{Kind: kind, Phase: Reading, Unit: v.unit}
	if v.collection != nil {
		e.Namespace = v.collection.Namespace()
	}
	v.progress.tell(e, d)
}

// of makes v the verification of a part.
func (v *verification) of(p part) *verification {
	v.part, v.collection = p, &v.view.manifest.Collections[p.collection]
	return v
}

// objectList reads the list by which objects are pruned.
func (v *verification) objectList(ctx context.Context) error {
	m := v.view.manifest
	err := v.view.repo.objects(m).Each(ctx, func(namedObject) error { return nil })
	if err != nil && isProblem(ctx, err) {
		none := &CollectionEntry{}
		v.found.add(maxUnitProblems, none.problem(objectListKey(m.Run, m.Objects), 0, reasonOf(err), err))
		return nil
	}
	return err
}

// read reads every segment of the part.
func (v *verification) read(ctx context.Context) error {
	return v.each(ctx, func(s Segment) error {
		err := v.view.documents(v.part.collection, s, newTally).Each(ctx, func(bson.Raw) error { return nil })
		if err != nil && !isProblem(ctx, err) {
			return err
		}
		if err != nil {
			v.found.add(maxUnitProblems, v.collection.problem(s.Object, s.Offset, reasonOf(err), err))
			return nil
		}
		v.count(s, s.Length)
		return nil
	})
}

// each calls f for each segment of the part. An error of the catalog is a problem.
func (v *verification) each(ctx context.Context, f func(Segment) error) error {
	var stop error
	err := v.view.eachSegment(ctx, v.part, func(s Segment) error {
		stop = f(s)
		return stop
	})
	switch {
	case stop != nil:
		return stop
	case err != nil && !isProblem(ctx, err):
		return err
	case err != nil:
		m, n := v.view.manifest, v.part.collection
		key := v.view.repo.catalogKey(m.Run, n, m.Collections[n].Catalog)
		v.found.add(maxUnitProblems, v.collection.problem(key, 0, reasonOf(err), err))
	}
	return nil
}

// count counts a segment without a problem, and the bytes that were fetched of it.
func (v *verification) count(s Segment, fetched int64) {
	c := Counts{Segments: 1, Documents: s.Documents, Bytes: s.Bytes, Fetched: fetched}
	v.counts.add(c)
	v.tell(SegmentProven, did{Counts: c, work: s.Bytes})
}
