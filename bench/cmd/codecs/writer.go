package main

import (
	"bytes"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// writer writes documents as lines of canonical Extended JSON and counts their bytes. The consumer
// may keep our chunks of lines; the driver allocates every line, or overwrites the last one.
func writer(s shape) report.Case {
	return report.Case{
		Name: "writer-" + s.name, About: "BSON → canonical Extended JSON",
		Unit: "document", Units: len(s.docs), Want: int64(len(s.text)),
		Ours: report.Peer{Name: "millweir bsoncodec.ExtJSON", Run: func() (int64, error) {
			return stream.Run(background, stream.Via(source.Slice(s.docs), bsoncodec.ExtJSON(nil)),
				sink.Fold(int64(0), addChunk))
		}},
		Peers: []report.Peer{
			{
				Name: "driver, MarshalExtJSON", Bar: report.Bar{Least: s.write.least, Goal: s.write.goal},
				Run: func() (total int64, _ error) {
					for _, doc := range s.docs {
						line, err := bson.MarshalExtJSON(doc, true, false)
						if err != nil {
							return 0, err
						}
						total += int64(len(line)) + 1
					}
					return total, nil
				},
			},
			{Name: "driver, one Encoder", Run: func() (int64, error) { return encodeByOne(s.docs) }},
		},
		Limits: []report.Limit{{Metric: report.Allocs, Max: s.chunks}},
	}
}

// encodeByOne is the driver as an expert uses it: one encoder and one buffer for all documents.
func encodeByOne(docs []bson.Raw) (total int64, _ error) {
	var line bytes.Buffer
	e := bson.NewEncoder(bson.NewExtJSONValueWriter(&line, true, false))
	for _, doc := range docs {
		if err := e.Encode(doc); err != nil {
			return 0, err
		}
		total += int64(len(bytes.TrimSuffix(line.Bytes(), []byte("\n")))) + 1
		line.Reset()
	}
	return total, nil
}

func addChunk(total int64, p []byte) int64 { return total + int64(len(p)) }
