// Package report measures competitors side by side and compares them.
//
// All competitors of a [Case] do the same work in rounds. Each competitor runs once a round, and
// ratios are taken within a round, so that other load on the machine slows both sides. The report
// has the median, the minimum and the maximum of the ratios. Every run returns a check value, which
// must equal the case's, so that a competitor that skips work fails.
package report

import (
	"fmt"
	"time"
)

// Case is one piece of work that several competitors do.
type Case struct {
	Name  string // name of its rows: "fused-chain"
	About string // one line about the work
	Unit  string // unit of work: "element"
	Units int    // in one run
	Want  int64  // the check value of a run

	By     Metric   // of the ratios; empty means CPU
	Also   []Metric // compared in extra rows, without a bar
	Ours   Peer
	Peers  []Peer
	Limits []Limit
	Absent []string // peers that are missing, and why

	Rounds int  // overrides Options.Rounds; 0 means no override
	Cold   bool // no warm-up: each run is a new process
}

// Peer is one competitor.
type Peer struct {
	Name string
	Run  func() (int64, error) // does Units of work and returns the check value
	Work Work                  // instead of Run, if it measures in another way

	// Base, if set, is measured with the peer in each round and subtracted in the case's metric:
	// the difference is overhead.
	Base *Peer

	Bar Bar
}

// Bar is the required ratio of theirs to ours. The zero value requires nothing.
type Bar struct{ Least, Goal float64 }

// Limit is an absolute limit for ours. It has its own row.
type Limit struct {
	Metric    Metric  // empty means the case's
	Max, Goal float64 // in the unit of the metric
}

// Sample is the result of one measurement.
type Sample struct {
	Units  int           // of work
	CPU    time.Duration // user and system time of the whole process
	Wall   time.Duration
	Allocs int64 // heap objects; -1 if unknown
	RSS    int64 // peak memory of a process in bytes, if measured
	Stored int64 // bytes written to storage, if measured
	Memory int64 // bytes of heap and stacks that were allocated, if measured

	Objects  int64 // in storage, if measured
	Requests int64 // to storage, if measured
	Commands int64 // to MongoDB, if measured

	Busiest float64 // percent of the CPU time in the busiest goroutine, if measured
}

// Work does the work of a run reps times, checks the result and measures the whole.
type Work func(reps int) (Sample, error)

// Metric names one number of a sample.
type Metric string

// The metrics. Those from CPU to Memory, except for RSS, are amounts per unit of work.
const (
	CPU    Metric = "cpu"    // ns
	Wall   Metric = "wall"   // ns
	Allocs Metric = "allocs" // heap objects
	RSS    Metric = "rss"    // MiB
	Stored Metric = "stored" // bytes
	Memory Metric = "memory" // bytes

	Objects  Metric = "objects"
	Requests Metric = "requests" // to storage
	Commands Metric = "commands" // to MongoDB

	Busiest   Metric = "busiest"  // percent
	WallOfCPU Metric = "wall/cpu" // seconds that pass for each second of CPU time
)

// of returns the value of the metric in s.
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
	case Memory:
		return float64(s.Memory) / float64(s.Units)
	case Objects:
		return float64(s.Objects)
	case Requests:
		return float64(s.Requests)
	case Commands:
		return float64(s.Commands)
	case Busiest:
		return s.Busiest
	case WallOfCPU:
		return float64(s.Wall) / float64(s.CPU)
	}
	return float64(s.CPU) / float64(s.Units)
}

// limit returns the name of a limit of the metric.
func (m Metric) limit(max float64) string {
	switch m {
	case CPU, Wall:
		return fmt.Sprint("limit ", time.Duration(max))
	case RSS:
		return fmt.Sprintf("limit %v MiB", max)
	case Memory:
		return fmt.Sprintf("limit %v bytes", max)
	case Busiest:
		return fmt.Sprintf("limit %v %%", max)
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
	case Objects, Requests, Commands:
		return string(m)
	case Memory:
		return "bytes/" + work + " allocated"
	case Busiest:
		return "% of cpu in one goroutine"
	case WallOfCPU:
		return "wall of cpu"
	}
	return "ns/" + work + " " + string(m)
}
