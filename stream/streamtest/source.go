package streamtest

import (
	"testing"

	"github.com/millweir/millweir/stream"
)

// Source configures [TestSource] for a source. Only New is required.
type Source[T any] struct {
	// New returns a source of n records, 0 to Many: usually n elements, but a source of chunks may
	// split them in any way. End an endless source with [stream.Take]. New is called for nearly
	// every run.
	New func(n int) stream.Source[T]

	// Want checks the whole output of a source of n records, and fails t if it is wrong.
	Want func(t *testing.T, n int, out []T)
	// View returns the significant part of a whole output, for sources whose outputs differ from
	// run to run. Two outputs are equal if reflect.DeepEqual reports that their views are.
	View func(out []T) any

	Records   bool // elements of type []byte are records: their boundaries have a meaning
	Unordered bool // the order of the output has no meaning
	Varies    bool // the output depends on time or chance: outputs are not compared
	SingleUse bool // the source can run once, and fails the second time
	RealIO    bool // the source waits for real I/O: checks run on the wall clock

	// Stalled returns a source that emits nothing and waits until it is cancelled, such as a
	// channel without a sender or a cursor without new documents. It is nil if the source cannot
	// wait.
	Stalled func() stream.Source[T]

	// Bad holds sources with invalid settings: their runs must fail before anything starts.
	Bad []stream.Source[T]

	Steps int // records in the runs that are disturbed at every step; 0 means 5
	Many  int // records in a long run; 0 means 100

	// Idle names functions whose goroutines may keep running after the run, such as those of a
	// connection pool.
	Idle []string
}

func sourceStage[T any](src stream.Source[T]) stage[struct{}, T] {
	return func(r *run, _ *sender[struct{}], emit func(T) error) error { return src.Each(r.ctx, emit) }
}

// TestSource checks that a source keeps the contract of package stream, with one subtest for each
// check.
func TestSource[T any](t *testing.T, f Source[T]) {
	t.Helper()
	if f.New == nil {
		t.Fatal("streamtest: New is nil")
	}
	s := &suite[struct{}, T]{
		kind:      "source",
		open:      func(n int) stage[struct{}, T] { return sourceStage(f.New(n)) },
		view:      f.View,
		cutOut:    isChunk[T]() && !f.Records,
		unordered: f.Unordered, varies: f.Varies, singleUse: f.SingleUse, wallClock: f.RealIO,
		steps: f.Steps, many: f.Many, idle: f.Idle,
	}
	s.build = func(*attempt[struct{}, T]) error {
		f.New(s.steps)
		return nil
	}
	if f.Want != nil {
		s.want = func(c *check, n int, _ []struct{}, out []T) { f.Want(c.T, n, out) }
	}
	var bad []stage[struct{}, T]
	for _, b := range f.Bad {
		bad = append(bad, sourceStage(b))
	}
	if !s.basics(t, bad) {
		return
	}
	s.downstreamErrors(t)
	s.foreignDownstream(t)
	s.earlyEnds(t)
	s.cancels(t)
	s.remains(t)
	if f.Stalled != nil {
		s.stalled(t, func() stage[struct{}, T] { return sourceStage(f.Stalled()) })
	}
	s.ownership(t)
	s.panics(t)
	if _, ok := f.New(1).(stream.SliceSource[T]); ok {
		s.slices(t, func(n int) stage[struct{}, T] {
			src := f.New(n)
			return func(r *run, _ *sender[struct{}], emit func(T) error) error { return bySlices(r, src, emit) }
		}, func() bool { return true })
	}
}
