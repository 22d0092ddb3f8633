package streamtest

import (
	"sync/atomic"
	"testing"

	"github.com/millweir/millweir/stream"
)

// Flow configures [TestFlow] for a flow. Only New is required. If the elements are not []byte, a
// string or a number, In or Input is required too.
type Flow[I, O any] struct {
	// New returns the flow under test. It is called for nearly every run.
	New func() stream.Flow[I, O]

	// In returns the i-th element of the input, from 0.
	In func(i int) I
	// Input returns the whole input of n records, for flows that need a valid beginning and end,
	// such as decoders.
	Input func(n int) []I

	// Want checks the whole output of an undisturbed run, and fails t if it is wrong.
	Want func(t *testing.T, in []I, out []O)
	// View returns the significant part of a whole output, for flows whose outputs differ from run
	// to run, such as encryption or grouping by time. Two outputs are equal if reflect.DeepEqual
	// reports that their views are.
	View func(out []O) any

	InRecords  bool // elements of type []byte are records: the suite does not split the input
	OutRecords bool // the same for the output: its chunk boundaries have a meaning
	Unordered  bool // the order of the output has no meaning
	Varies     bool // the output depends on time or chance: outputs are not compared
	Early      bool // the flow may end its upstream early and complete, as Take does
	Restarts   bool // the flow may run its upstream more than once, as a restart does
	ReadsOn    bool // after an early end the flow reads its upstream to the end, to verify it
	RealIO     bool // the flow waits for real I/O: checks run on the wall clock

	// Bad holds flows with invalid settings: their runs must fail before anything starts.
	Bad []stream.Flow[I, O]

	Steps int // records in the runs that are disturbed at every step; 0 means 5
	Many  int // records in a long run; 0 means 100

	// ReadAhead is the maximum number of elements that the flow takes beyond those it needs while
	// its downstream is blocked. 0 disables the check.
	ReadAhead int

	// Idle names functions whose goroutines may keep running after the run, such as those of a
	// connection pool.
	Idle []string
}

func flowStage[I, O any](f stream.Flow[I, O]) stage[I, O] {
	return func(r *run, up *sender[I], emit func(O) error) error { return f.Apply(up).Each(r.ctx, emit) }
}

// TestFlow checks that a flow keeps the contract of package stream, with one subtest for each
// check.
func TestFlow[I, O any](t *testing.T, f Flow[I, O]) {
	t.Helper()
	if f.New == nil {
		t.Fatal("streamtest: New is nil")
	}
	s := &suite[I, O]{
		kind:  "flow",
		input: inputs(t, "flow", f.In, f.Input),
		open:  func(int) stage[I, O] { return flowStage(f.New()) },
		build: func(a *attempt[I, O]) error {
			f.New().Apply(a.up)
			return nil
		},
		view:  f.View,
		cutIn: isChunk[I]() && !f.InRecords, cutOut: isChunk[O]() && !f.OutRecords,
		unordered: f.Unordered, varies: f.Varies, early: f.Early, restarts: f.Restarts, readsOn: f.ReadsOn,
		wallClock: f.RealIO,
		large:     large[I](f.In == nil && f.Input == nil),
		steps:     f.Steps, many: f.Many, readAhead: f.ReadAhead, idle: f.Idle,
	}
	if f.Want != nil {
		s.want = func(c *check, _ int, in []I, out []O) { f.Want(c.T, in, out) }
	}
	var bad []stage[I, O]
	for _, b := range f.Bad {
		bad = append(bad, flowStage(b))
	}
	if !s.basics(t, bad) {
		return
	}
	s.upstreamErrors(t)
	s.downstreamErrors(t)
	s.cleanUpErrors(t)
	s.firstCauses(t)
	s.foreignUpstream(t)
	s.foreignDownstream(t)
	s.stopsUpstream(t)
	s.earlyEnds(t)
	s.cancels(t)
	s.remains(t)
	s.ownership(t)
	appliedTwice(s, t, f.New)
	inOnePipeline(s, t, f.New)
	s.readsAhead(t)
	s.panics(t)
	var asked, has atomic.Bool
	s.slices(t, func(int) stage[I, O] {
		flow := f.New()
		return func(r *run, up *sender[I], emit func(O) error) error {
			src := flow.Apply(slicer[I]{up, &asked})
			if _, ok := src.(stream.SliceSource[O]); ok {
				has.Store(true)
			}
			return bySlices(r, src, emit)
		}
	}, func() bool { return asked.Load() || has.Load() })
}
