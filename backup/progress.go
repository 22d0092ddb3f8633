package backup

import (
	"sync"

	"github.com/millweir/millweir/source/mongosource"
)

// Event says how far a job, a comparison, a prune or a sweep is. All of them report the same
// events. Its JSON is a line for a log.
//
// Counts never decrease. They include only what a store or a server has acknowledged, or what was
// proven. They are the sums of this value of the job, in this process. So the last event has the
// counts of all others, and a receiver may skip events.
type Event struct {
	Job   string    `json:"job"` // as in [Report]; or diff, prune or sweep
	Run   string    `json:"run,omitempty"`
	Kind  EventKind `json:"kind"`
	Phase Phase     `json:"phase"`

	Unit      int                   `json:"unit"`               // of an event of a unit
	Namespace mongosource.Namespace `json:"namespace,omitzero"` // of the collection, in the backup

	Counts   Counts `json:"counts"`
	Compared int64  `json:"compared,omitempty"` // bytes of documents that were read back from a server
	Units    int    `json:"units"`              // that are done

	// Total is what Counts and Units reach. A field is 0 if it is not known. The bytes of a backup
	// are what the server estimated when the backup was planned.
	Total Total `json:"total,omitzero"`

	// Share is the completed share of the work, from 0 to 1. It is 0 while it is not known, and 1
	// in the last event only. A restore has two halves: the documents are inserted, and read back.
	Share float64 `json:"share,omitempty"`
}

// Total says how much there is to do.
type Total struct {
	Collections int64 `json:"collections,omitempty"`
	Segments    int64 `json:"segments,omitempty"`
	Documents   int64 `json:"documents,omitempty"`
	Bytes       int64 `json:"bytes,omitempty"` // of the documents as BSON
	Units       int   `json:"units,omitempty"`
}

// Phase says what is being done.
type Phase string

// The phases. Units can be in different phases at the same time.
const (
	Storing   Phase = "store"   // a store is written
	Reading   Phase = "read"    // a store is read and checked
	Inserting Phase = "insert"  // a server is written
	Indexing  Phase = "index"   // a server builds indexes
	Comparing Phase = "compare" // what a server has is read and compared
	Finishing Phase = "finish"  // all units are done, and the result appears
	Examining Phase = "examine" // the lists of the backups are read, so that nothing needed is deleted
	Deleting  Phase = "delete"
)

// EventKind says what has happened.
type EventKind string

// The kinds of events.
const (
	UnitBegun         EventKind = "unit begun"
	PhaseBegun        EventKind = "phase begun"
	SegmentStored     EventKind = "segment stored"     // it stays, also if the job fails later
	SegmentReused     EventKind = "segment reused"     // its documents equal those of the parent
	SegmentProven     EventKind = "segment proven"     // it agrees with its catalog, as far as the depth checks that
	DocumentsInserted EventKind = "documents inserted" // the server has acknowledged them
	DocumentsCompared EventKind = "documents compared" // the server has given them back
	BackupExamined    EventKind = "backup examined"
	BackupDeleted     EventKind = "backup deleted"
	ObjectsDeleted    EventKind = "objects deleted"
	UnitDone          EventKind = "unit done"
	Finished          EventKind = "finished" // without an error; the last event
)

// progress reports events, one at a time. Without a function to report to, it does nothing.
type progress struct {
	report func(Event)
	job    string
	run    string

	mu       sync.Mutex
	counts   Counts
	compared int64
	units    int
	done     map[int]bool // the units that are done; false while one is done again
	work     int64        // that is done, in any measure
	allWork  int64        // 0 if it is not known
	total    Total
}

func newProgress(report func(Event), job, run string) *progress {
	return &progress{report: report, job: job, run: run}
}

// expect sets what there is to do.
func (p *progress) expect(total Total, work int64) {
	if p.report == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total, p.allWork = total, work
}

// did is what an event adds.
type did struct {
	Counts
	compared int64
	work     int64
}

// tell adds what an event adds, and reports it.
func (p *progress) tell(e Event, d did) {
	if p.report == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.isRepeated(e) {
		p.counts.add(d.Counts)
		p.compared += d.compared
		p.work += d.work
		if e.Kind == UnitDone || e.Kind == BackupExamined || e.Kind == BackupDeleted {
			p.units++
		}
	}
	e.Job, e.Run = p.job, p.run
	e.Counts, e.Compared, e.Units, e.Total = p.counts, p.compared, p.units, p.total
	e.Share = p.share(e.Kind)
	p.report(e)
}

// isRepeated reports whether an event is of a unit that was done before, and is done again. It
// counts once.
func (p *progress) isRepeated(e Event) bool {
	done, known := p.done[e.Unit]
	switch e.Kind {
	case UnitBegun:
		if known {
			p.done[e.Unit] = false
		}
		return known
	case UnitDone:
		if p.done == nil {
			p.done = map[int]bool{}
		}
		p.done[e.Unit] = true
		return known
	case BackupExamined, BackupDeleted, Finished:
		return false
	}
	return known && !done
}

// mostShare is the largest share before the last event: totals may be estimates.
const mostShare = 0.99

// share returns the completed share of the work.
func (p *progress) share(kind EventKind) float64 {
	switch {
	case kind == Finished:
		return 1
	case p.allWork > 0:
		return min(float64(p.work)/float64(p.allWork), mostShare)
	case p.total.Units > 0:
		return min(float64(p.units)/float64(p.total.Units), mostShare)
	}
	return 0
}

// finished reports the last event, if err is nil.
func (p *progress) finished(err error) {
	if err == nil {
		p.tell(Event{Kind: Finished, Phase: Finishing}, did{})
	}
}

// totalOf returns the totals of a backup.
func totalOf(m *Manifest) Total {
	t := Total{Collections: int64(len(m.Collections)), Documents: m.Documents(), Bytes: m.Bytes()}
	for i := range m.Collections {
		t.Segments += m.Collections[i].Segments
	}
	return t
}
