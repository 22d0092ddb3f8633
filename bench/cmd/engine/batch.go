package main

import (
	"time"

	"github.com/destel/rill"
	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/bench/pekko"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
	"github.com/reugn/go-streams/flow"
	"github.com/samber/ro"
)

const batchSize = 100

// batch groups elements into new slices of 100.
func batch(java pekko.Peer) report.Case {
	want, _ := batchByHand()
	return java.Join(report.Case{
		Name: "batch", About: "slice → batches of 100 → fold over the batches",
		Unit: "element", Units: len(numbers), Want: want,
		Ours: report.Peer{Name: "millweir Batch", Run: ourBatches},
		Peers: []report.Peer{
			{Name: "plain loop", Run: batchByHand},
			{Name: "samber/ro BufferWithCount", Run: roBatches, Bar: report.Bar{Least: 3}},
			{Name: "destel/rill Batch", Run: rillBatches, Bar: report.Bar{Least: 3}},
			{Name: "reugn/go-streams Batch", Run: goStreamsBatches, Bar: report.Bar{Least: 3}},
		},
	}, pekko.Job{Bar: report.Bar{Least: 3}})
}

// addBatch is the fold over the batches. It does not read all elements of a batch.
func addBatch(total int64, b []int) int64 { return total + int64(len(b)+b[len(b)-1]) }

func ourBatches() (int64, error) {
	return stream.Run(background, stream.Via(source.Slice(numbers), stream.Batch[int](batchSize)),
		sink.Fold(int64(0), addBatch))
}

func batchByHand() (total int64, _ error) {
	b := make([]int, 0, batchSize)
	for _, v := range numbers {
		if b = append(b, v); len(b) == batchSize {
			total = addBatch(total, b)
			b = make([]int, 0, batchSize)
		}
	}
	if len(b) > 0 {
		total = addBatch(total, b)
	}
	return total, nil
}

func roBatches() (total int64, failed error) {
	ro.Pipe1(ro.FromSlice(numbers), ro.BufferWithCount[int](batchSize)).Subscribe(ro.NewObserver(
		func(b []int) { total = addBatch(total, b) },
		func(err error) { failed = err },
		func() {},
	))
	return total, failed
}

func rillBatches() (total int64, _ error) {
	const never = -1
	err := rill.ForEach(rill.Batch(rill.FromSlice(numbers, nil), batchSize, never), 1, func(b []int) error {
		total = addBatch(total, b)
		return nil
	})
	return total, err
}

func goStreamsBatches() (total int64, _ error) {
	for b := range goStreamsFrom(numbers).Via(flow.NewBatch[int](batchSize, time.Hour)).Out() {
		total = addBatch(total, b.([]int))
	}
	return total, nil
}
