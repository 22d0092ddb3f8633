package main

import (
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// parser parses lines of canonical Extended JSON into documents and counts their bytes. Ours also
// splits chunks into lines; the driver gets each line.
func parser(s shape) report.Case {
	in := chunks(s.text)
	return report.Case{
		Name: "parser-" + s.name, About: "canonical Extended JSON → BSON",
		Unit: "document", Units: len(s.docs), Want: int64(s.size),
		Ours: report.Peer{Name: "millweir bsoncodec.ParseExtJSON", Run: func() (int64, error) {
			return stream.Run(background, stream.Via(source.Slice(in), bsoncodec.ParseExtJSON(nil)),
				sink.Fold(int64(0), addDocument))
		}},
		Peers: []report.Peer{{
			Name: "driver, UnmarshalExtJSON into Raw", Bar: report.Bar{Least: s.parse.least, Goal: s.parse.goal},
			Run: func() (total int64, _ error) {
				for _, line := range s.lines {
					var doc bson.Raw
					if err := bson.UnmarshalExtJSON(line, true, &doc); err != nil {
						return 0, err
					}
					total += int64(len(doc))
				}
				return total, nil
			},
		}},
		Limits: []report.Limit{{Metric: report.Allocs, Max: s.chunks}},
	}
}

func addDocument(total int64, doc bson.Raw) int64 { return total + int64(len(doc)) }
