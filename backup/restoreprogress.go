package backup

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// halves is how often a document passes in a restore: it is inserted, and read back.
const halves = 2

// expect sets what there is to restore. If documents are left out, their number is not known.
func (j *restoreJob) expect() {
	total := Total{Collections: int64(len(j.all)), Units: j.units()}
	if !j.opts.partial() {
		for i := range j.all {
			total.Segments += j.all[i].entry.Segments
			total.Documents += j.all[i].entry.Documents
			total.Bytes += j.all[i].entry.Bytes
		}
	}
	j.progress.expect(total, halves*total.Bytes)
}

// told is what the events of one collection have added.
type told struct {
	counts Counts
	work   int64
}

// tell reports an event of the collection. What is done twice counts as work once.
func (r *collectionRestore) tell(kind EventKind, phase Phase, d did) {
	d.work = min(d.work, halves*r.target.entry.Bytes-r.told.work)
	r.told.counts.add(d.Counts)
	r.told.work += d.work
	r.job.progress.tell(Event{Kind: kind, Phase: phase, Unit: r.unit, Namespace: r.target.entry.Namespace()}, d)
}

// settle reports what no event has reported yet. When the unit of a target that is filled later
// ends, the target has no documents yet.
func (r *collectionRestore) settle(kind EventKind, phase Phase, c Counts) {
	work := halves * r.target.entry.Bytes
	if r.isFilledLater() && kind == UnitDone {
		c.Documents, c.Bytes, work = 0, 0, work/halves
	}
	r.tell(kind, phase, did{Counts: c.beyond(r.told.counts), work: max(work-r.told.work, 0)})
}

// isFilledLater reports whether the documents go into the target when all units are done.
func (r *collectionRestore) isFilledLater() bool {
	return !r.job.fresh && !r.data.Present &&
		(r.data.Merge || r.target.entry.Kind == mongosource.KindTimeSeries)
}

// acknowledged returns the options of an insertion that reports what the server has acknowledged.
// In a drill, documents count when they are proven.
func (r *collectionRestore) acknowledged(opts mongosink.InsertOptions) mongosink.InsertOptions {
	given := opts.Progress
	var last mongosink.InsertResult
	indexing := false // was reported: the same counts may come twice
	opts.Progress = func(now mongosink.InsertResult) {
		if given != nil {
			given(now)
		}
		documents := now.Inserted + now.AlreadyThere - last.Inserted - last.AlreadyThere
		bytes := now.Bytes - last.Bytes
		last = now
		d := did{work: bytes}
		if !r.job.fresh {
			d.Documents, d.Bytes = documents, bytes
		}
		r.tell(DocumentsInserted, Inserting, d)
		if !indexing && len(r.head.Indexes) > 0 && now.Inserted+now.AlreadyThere == r.listed.Documents {
			indexing = true
			r.tell(PhaseBegun, Indexing, did{})
		}
	}
	return opts
}

// comparedStep is the number of bytes between two events of a comparison.
const comparedStep = 8 << 20

// tallyOf counts the documents of a collection of the target.
func (r *collectionRestore) tallyOf(ctx context.Context, coll *mongo.Collection) (Tally, error) {
	return tallyOfSource(ctx, r.readBack(coll))
}

// readBack returns a source of the documents of a collection of the target, which reports how far
// it is.
func (r *collectionRestore) readBack(coll *mongo.Collection) stream.Source[bson.Raw] {
	return stream.SourceFunc[bson.Raw](func(ctx context.Context, emit func(bson.Raw) error) error {
		r.tell(PhaseBegun, Comparing, did{})
		step := int64(0)
		report := func() {
			r.tell(DocumentsCompared, Comparing, did{compared: step, work: step})
			step = 0
		}
		began := time.Now()
		defer func() { r.checking += time.Since(began) }()
		have := stream.Via(mongosource.Find(coll, anything, nil), stream.Monitor[bson.Raw](&r.job.meters.back))
		err := have.Each(ctx, func(doc bson.Raw) error {
			if step += int64(len(doc)); step >= comparedStep {
				report()
			}
			return emit(doc)
		})
		if step > 0 {
			report()
		}
		return err
	})
}
