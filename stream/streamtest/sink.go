package streamtest

import (
	"sync/atomic"
	"testing"

	"github.com/millweir/millweir/stream"
)

// Sink configures [TestSink] for a sink. Only New is required. If the elements are not []byte, a
// string or a number, In or Input is required too.
type Sink[T, R any] struct {
	// New returns the sink under test, with an empty store. It is called for nearly every run.
	New func() stream.Sink[T, R]

	In    func(i int) T   // returns the i-th element of the input, from 0
	Input func(n int) []T // returns the whole input of n records

	// Want checks the result of an undisturbed run and what it stored, and fails t if it is wrong.
	Want func(t *testing.T, in []T, result R)
	// Published reports whether the work of the sink that New returned last is visible. It must be
	// visible only after the run returned nil.
	Published func() bool

	InRecords bool // elements of type []byte are records: the suite does not split the input
	Varies    bool // the result differs from run to run: results are not compared
	Early     bool // the sink may end its upstream early and complete, as First does
	SingleUse bool // the sink can run once, and fails the second time
	RealIO    bool // the sink waits for real I/O: checks run on the wall clock

	// Stalled returns a sink whose store does not answer until the run is cancelled. It is nil if
	// the store cannot do that.
	Stalled func() stream.Sink[T, R]

	// Bad holds sinks with invalid settings: their runs must fail before anything starts.
	Bad []stream.Sink[T, R]

	Steps int // records in the runs that are disturbed at every step; 0 means 5
	Many  int // records in a long run; 0 means 100

	// Idle names functions whose goroutines may keep running after the run, such as those of a
	// connection pool.
	Idle []string
}

// sinkStage returns a sink as a stage, which emits one element: the sink's result.
func sinkStage[T, R any](sink stream.Sink[T, R]) stage[T, R] {
	return func(r *run, up *sender[T], emit func(R) error) error { return consume(r, sink, up, emit) }
}

func consume[T, R any](r *run, sink stream.Sink[T, R], src stream.Source[T], emit func(R) error) error {
	result, err := sink.Consume(r.ctx, src)
	if err != nil {
		return err
	}
	return emit(result)
}

// TestSink checks that a sink keeps the contract of package stream, with one subtest for each
// check.
func TestSink[T, R any](t *testing.T, f Sink[T, R]) {
	t.Helper()
	if f.New == nil {
		t.Fatal("streamtest: New is nil")
	}
	s := &suite[T, R]{
		kind:  "sink",
		input: inputs(t, "sink", f.In, f.Input),
		open:  func(int) stage[T, R] { return sinkStage(f.New()) },
		build: func(*attempt[T, R]) error {
			f.New()
			return nil
		},
		seen:   f.Published,
		cutIn:  isChunk[T]() && !f.InRecords,
		varies: f.Varies, early: f.Early, singleUse: f.SingleUse, wallClock: f.RealIO,
		large: large[T](f.In == nil && f.Input == nil),
		steps: f.Steps, many: f.Many, idle: f.Idle,
	}
	if f.Want != nil {
		s.want = func(c *check, _ int, in []T, out []R) {
			for _, result := range out {
				f.Want(c.T, in, result)
			}
		}
	}
	var bad []stage[T, R]
	for _, b := range f.Bad {
		bad = append(bad, sinkStage(b))
	}
	if !s.basics(t, bad) {
		return
	}
	s.upstreamErrors(t)
	s.foreignUpstream(t)
	s.cancels(t)
	s.remains(t)
	if f.Stalled != nil {
		s.stalled(t, func() stage[T, R] { return sinkStage(f.Stalled()) })
	}
	s.panics(t)
	var asked atomic.Bool
	s.slices(t, func(int) stage[T, R] {
		sink := f.New()
		return func(r *run, up *sender[T], emit func(R) error) error {
			return consume(r, sink, slicer[T]{up, &asked}, emit)
		}
	}, asked.Load)
}
