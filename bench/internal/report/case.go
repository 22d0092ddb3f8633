// Package report measures competitors side by side and says how they compare.
//
// All competitors of a [Case] do the same work in one process, in rounds: in each round every one
// of them has its turn, and a ratio is taken within the round, so that what slows the machine slows
// both sides. What is reported is the median of the ratios, with the least and the greatest beside
// it. Every run returns a check value, which must be the case's: who skips work, fails.
package report

import (
	"fmt"
	"time"
)

// Case is one piece of work that several competitors do.
type Case struct {
	Name  string // of its rows: "fused-chain"
	About string // one line on what is done
	Unit  string // of work: "element"
	Units int    // in one run
	Want  int64  // the check value of a run

	By     Metric   // of the ratios; empty means CPU
	Also   []Metric // compared in rows of their own, without a bar
	Ours   Peer
	Peers  []Peer
	Limits []Limit
	Absent []string // peers that were left out, and why

	Rounds int  // instead of the options'; 0 means those
	Cold   bool // a run is a measurement, the first one too: each is a process of its own
}

// Peer is one competitor.
type Peer struct {
	Name string
	Run  func() (int64, error) // does Units of work and returns the check value
	Work Work                  // instead of Run, for what is measured in another way

	// Base, when it is set, is measured beside the peer in each round, and subtracted in the case's
	// own metric: what is left is overhead.
	Base *Peer

	Bar Bar
}

// Bar is the least ratio, theirs by ours, that is demanded. The zero value demands nothing.
type Bar struct{ Least, Goal float64 }

// Limit is an absolute demand on ours, in a row of its own.
type Limit struct {
	Metric    Metric  // empty means the case's
	Max, Goal float64 // in the unit of the metric
}

// Sample is what one measurement saw.
type Sample struct {
	Units  int           // of work
	CPU    time.Duration // user and system time of the whole process
	Wall   time.Duration
	Allocs int64 // heap objects; -1 when that is not known
	RSS    int64 // bytes of memory of a process at its peak, where that is measured
	Stored int64 // bytes that were written to storage, where that is measured
}

// Work does the work of a run reps times, checks what came of it and measures it all.
type Work func(reps int) (Sample, error)

// Metric names one number of a sample.
type Metric string

// The metrics, all of them but RSS an amount by unit of work.
const (
	CPU    Metric = "cpu"    // ns
	Wall   Metric = "wall"   // ns
	Allocs Metric = "allocs" // heap objects
	RSS    Metric = "rss"    // MiB
	Stored Metric = "stored" // bytes
)

// of returns the metric of s.
func (m Metric) of(s Sample) float64 {
	switch m {
	case Wall:
		return float64(s.Wall) / float64(s.Units)
	case Allocs:
		return float64(s.Allocs) / float64(s.Units)
	case RSS:
		return float64(s.RSS) / (1 << 20)
	case Stored:
		return float64(s.Stored) / float64(s.Units)
	}
	return float64(s.CPU) / float64(s.Units)
}

// limit returns an amount of the metric as the name of a limit.
func (m Metric) limit(max float64) string {
	switch m {
	case CPU, Wall:
		return fmt.Sprint("limit ", time.Duration(max))
	case RSS:
		return fmt.Sprintf("limit %v MiB", max)
	}
	return fmt.Sprint("limit ", max)
}

// unit returns the metric's unit of measure for a unit of work.
func (m Metric) unit(work string) string {
	switch m {
	case Allocs:
		return "allocs/" + work
	case RSS:
		return "MiB rss"
	case Stored:
		return "bytes/" + work + " stored"
	}
	return "ns/" + work + " " + string(m)
}
