package stream

import (
	"log/slog"
	"sync"
	"time"
)

// Stats holds the counts and times that [Monitor] or [Measure] records at one point of a pipeline.
// The zero value is ready to use. Any goroutine may read it during the run. Several monitors, in
// one run or in many, may share a Stats: it then holds the sum.
type Stats struct {
	Name string // for logs, metrics and [Bottleneck]; set it before the run

	in, out meter

	mu  sync.Mutex
	own time.Duration // last reported value; never decreases
}

// Elements returns the number of elements that the downstream has accepted.
func (s *Stats) Elements() int64 { return s.out.accepted.Load() }

// Bytes returns the sum of the elements' lengths if they are byte slices, and 0 otherwise.
func (s *Stats) Bytes() int64 { return s.out.bytes.Load() }

// Snapshot returns the counts and times at this moment.
func (s *Stats) Snapshot() Snapshot {
	shot := Snapshot{Name: s.Name, At: time.Now(), Elements: s.Elements(), Bytes: s.Bytes()}
	s.out.mu.Lock()
	shot.Runs, shot.Failures = s.out.runs, s.out.failures
	s.out.mu.Unlock()
	shot.Waited, shot.Blocked = s.out.times()
	s.in.mu.Lock()
	measured := s.in.runs > 0
	s.in.mu.Unlock()
	if measured {
		shot.Taken, shot.TakenBytes = s.in.accepted.Load(), s.in.bytes.Load()
		waited, held := s.in.times()
		s.mu.Lock()
		s.own = max(s.own, held-shot.Blocked)
		shot.Waited, shot.Own = waited, s.own
		s.mu.Unlock()
	}
	return shot
}

// LogValue returns the snapshot as a group.
func (s *Stats) LogValue() slog.Value { return s.Snapshot().LogValue() }

// Snapshotter is implemented by anything that can report its state to a metrics system at any time:
// [*Stats] or your own type. Package otelstream exports it to OpenTelemetry.
type Snapshotter interface {
	Snapshot() Snapshot
}

// Snapshot holds the counts and times of a point of a pipeline at one moment. They never decrease.
type Snapshot struct {
	Name string
	At   time.Time

	Runs     int64 // started
	Failures int64 // runs that ended with an error; an early end does not count

	Elements, Bytes   int64 // accepted by the downstream; bytes of byte slices only
	Taken, TakenBytes int64 // accepted by the flow from its upstream: with [Measure] only

	Waited  time.Duration // for the upstream to emit or end
	Own     time.Duration // time of the flow itself: with [Measure] only
	Blocked time.Duration // on the downstream
}

// Since returns the counts and times between an earlier snapshot of the same point and s.
func (s Snapshot) Since(earlier Snapshot) Snapshot {
	s.Runs -= earlier.Runs
	s.Failures -= earlier.Failures
	s.Elements -= earlier.Elements
	s.Bytes -= earlier.Bytes
	s.Taken -= earlier.Taken
	s.TakenBytes -= earlier.TakenBytes
	s.Waited -= earlier.Waited
	s.Own -= earlier.Own
	s.Blocked -= earlier.Blocked
	return s
}

// Rate returns the elements and bytes per second between an earlier snapshot of the same point and
// s. It returns 0 if no time has passed between them.
func (s Snapshot) Rate(earlier Snapshot) (elements, bytes float64) {
	window := s.At.Sub(earlier.At).Seconds()
	if window <= 0 {
		return 0, 0
	}
	return float64(s.Elements-earlier.Elements) / window, float64(s.Bytes-earlier.Bytes) / window
}

// LogValue returns s as a group, without what a plain monitor does not know.
func (s Snapshot) LogValue() slog.Value {
	attrs := make([]slog.Attr, 0, 10)
	if s.Name != "" {
		attrs = append(attrs, slog.String("name", s.Name))
	}
	count := func(name string, n int64) {
		if n != 0 {
			attrs = append(attrs, slog.Int64(name, n))
		}
	}
	attrs = append(attrs, slog.Int64("elements", s.Elements))
	count("bytes", s.Bytes)
	count("taken", s.Taken)
	count("taken_bytes", s.TakenBytes)
	attrs = append(attrs, slog.Duration("waited", s.Waited))
	if s.Own != 0 {
		attrs = append(attrs, slog.Duration("own", s.Own))
	}
	attrs = append(attrs, slog.Duration("blocked", s.Blocked))
	count("failures", s.Failures)
	return slog.GroupValue(attrs...)
}
