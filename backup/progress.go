package backup

import (
	"sync"

	"github.com/millweir/millweir/source/mongosource"
)

// Event says what a backup has done. Its JSON is a line for a log.
type Event struct {
	Kind      EventKind             `json:"kind"`
	Unit      int                   `json:"unit"`
	Namespace mongosource.Namespace `json:"namespace,omitzero"` // of a segment
	Counts    Counts                `json:"counts"`             // of this process so far
	Units     int                   `json:"units"`              // that this process has done so far
}

// EventKind says what has happened.
type EventKind string

// The kinds of events.
const (
	UnitBegun     EventKind = "unit begun"
	SegmentStored EventKind = "segment stored" // its bytes and its receipt: they are kept whatever comes
	SegmentReused EventKind = "segment reused" // its documents equal those of the parent
	UnitDone      EventKind = "unit done"
	Committed     EventKind = "committed" // the backup exists
)

// progress reports events, one at a time.
type progress struct {
	report func(Event)

	mu     sync.Mutex
	counts Counts
	units  int
}

func newProgress(report func(Event)) *progress { return &progress{report: report} }

// tell adds the counts of an event and reports it.
func (p *progress) tell(e Event, c Counts) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts.add(c)
	if e.Kind == UnitDone {
		p.units++
	}
	e.Counts, e.Units = p.counts, p.units
	p.report(e)
}
