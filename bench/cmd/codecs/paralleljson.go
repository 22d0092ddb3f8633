package main

import (
	"slices"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/bench/pekko"
	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// parallelJSON compares our Extended JSON with one goroutine per core to the same without
// goroutines.
func parallelJSON(in *input, _ pekko.Peer) ([]report.Case, error) {
	text := slices.Collect(slices.Chunk(in.text, 1<<20)) // like the chunks of a parallel Gunzip
	write := func(n int) func() (int64, error) {
		return func() (int64, error) {
			return stream.Run(background, stream.Via(source.Slice(in.docs),
				bsoncodec.ExtJSON(&bsoncodec.ExtJSONOptions{Parallelism: n})), sink.Fold(int64(0), addChunk))
		}
	}
	parse := func(n int) func() (int64, error) {
		return func() (int64, error) {
			return stream.Run(background, stream.Via(source.Slice(text),
				bsoncodec.ParseExtJSON(&bsoncodec.ParseExtJSONOptions{Parallelism: n})),
				sink.Fold(int64(0), addDocument))
		}
	}
	var all []report.Case
	for _, way := range []struct {
		name, about string
		want        int
		run         func(n int) func() (int64, error)
	}{
		{"writer-parallel", "BSON → canonical Extended JSON", len(in.text), write},
		{"parser-parallel", "canonical Extended JSON → BSON", len(in.bson), parse},
	} {
		c := report.Case{
			Name: way.name, About: way.about + ", by as many goroutines as cores",
			Unit: "byte", Units: len(in.text), Want: int64(way.want),
			Ours: report.Peer{Name: "millweir, parallel", Run: way.run(cores)},
			Peers: []report.Peer{{
				Name: "millweir, without goroutines", Run: way.run(0), Bar: report.Bar{Least: 1 / 1.15, Goal: 1 / 1.05},
			}},
		}
		passing := c
		passing.Name, passing.About, passing.By = c.Name+"-wall", c.About+", as time passes", report.Wall
		passing.Peers = []report.Peer{{
			Name: c.Peers[0].Name, Run: c.Peers[0].Run, Bar: report.Bar{Least: 0.85 * float64(min(cores, 2))},
		}}
		all = append(all, c, passing)
	}
	return all, nil
}
