package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/bench/pekko"
	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// jsonObjects splits chunks into JSON objects and counts them without parsing.
func jsonObjects(java pekko.Peer, size int) report.Case {
	text := makeJSONLines(size)
	in := slices.Collect(slices.Chunk(text, chunkBytes))
	return java.Join(report.Case{
		Name: "json-objects", About: "64 KiB chunks in memory → JSON objects",
		Unit: "byte", Units: size, Want: int64(size),
		Ours: report.Peer{Name: "millweir codec.SplitJSONObjects", Run: func() (int64, error) {
			return stream.Run(background, stream.Via(source.Slice(in), codec.SplitJSONObjects(nil)),
				sink.Fold(int64(0), addRecord))
		}},
		Peers: []report.Peer{{
			Name: "json.Decoder into RawMessage", Bar: report.Bar{Least: 5},
			Run: func() (int64, error) { return decode(text) },
		}},
	}, pekko.Job{Bar: report.Bar{Least: 1.1}})
}

func decode(text []byte) (total int64, _ error) {
	d := json.NewDecoder(bytes.NewReader(text))
	var object json.RawMessage // Decode reuses its memory
	for {
		switch err := d.Decode(&object); {
		case errors.Is(err, io.EOF):
			return total, nil
		case err != nil:
			return total, err
		}
		total = addRecord(total, object)
	}
}
