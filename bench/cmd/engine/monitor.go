package main

import (
	"sync/atomic"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// monitor measures what a Monitor adds to each element of the cheapest run.
func monitor() report.Case {
	base := report.Peer{Name: "without", Run: func() (int64, error) { return ourSum(source.Slice(numbers)) }}
	return report.Case{
		Name: "monitor", About: "slice → Monitor → fold, beyond slice → fold",
		Unit: "element", Units: len(numbers), Want: sum(numbers),
		Ours: report.Peer{Name: "millweir Monitor", Base: &base, Run: func() (int64, error) {
			var s stream.Stats
			return ourSum(stream.Via(source.Slice(numbers), stream.Monitor[int](&s)))
		}},
		Peers: []report.Peer{{Name: "an atomic counter in a Map", Base: &base, Run: func() (int64, error) {
			var n atomic.Int64
			return ourSum(stream.Via(source.Slice(numbers), stream.Map(func(v int) int {
				n.Add(1)
				return v
			})))
		}}},
	}
}

// monitorChunks is monitor for chunks of bytes, with any content.
func monitorChunks() report.Case {
	in := make([][]byte, 10_000)
	for i := range in {
		in[i] = make([]byte, 1, 2)
	}
	run := func(src stream.Source[[]byte]) (int64, error) {
		return stream.Run(background, src, sink.Fold(int64(0), addRecord))
	}
	base := report.Peer{Name: "without", Run: func() (int64, error) { return run(source.Slice(in)) }}
	return report.Case{
		Name: "monitor-chunks", About: "the same for chunks of bytes, whose lengths are summed",
		Unit: "chunk", Units: len(in), Want: int64(2 * len(in)),
		Ours: report.Peer{Name: "millweir Monitor", Base: &base, Run: func() (int64, error) {
			var s stream.Stats
			return run(stream.Via(source.Slice(in), stream.MonitorBytes(&s)))
		}},
		Peers: []report.Peer{{Name: "two atomic counters in a Map", Base: &base, Run: func() (int64, error) {
			var n, size atomic.Int64
			return run(stream.Via(source.Slice(in), stream.Map(func(p []byte) []byte {
				n.Add(1)
				size.Add(int64(len(p)))
				return p
			})))
		}}},
	}
}
