package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// rawBSON is documents written one after the other, and read back with a check of their structure.
func rawBSON(in *input, _ jvm) ([]report.Case, error) {
	cs := chunks(in.bson)
	return []report.Case{{
		Name: "bson-write", About: "documents → chunks of BSON",
		Unit: "document", Units: len(in.docs), Want: int64(len(in.bson)),
		Ours: report.Peer{Name: "millweir bsoncodec.BSON", Run: func() (int64, error) {
			return stream.Run(background, stream.Via(source.Slice(in.docs), bsoncodec.BSON(nil)), sink.Fold(int64(0), addChunk))
		}},
		Peers: []report.Peer{{Name: "bufio.Writer", Run: func() (int64, error) {
			var n count
			w := bufio.NewWriterSize(&n, chunkBytes)
			for _, doc := range in.docs {
				if _, err := w.Write(doc); err != nil {
					return 0, err
				}
			}
			err := w.Flush()
			return int64(n), err
		}}},
	}, {
		Name: "bson-parse", About: "chunks of BSON → documents, checked",
		Unit: "document", Units: len(in.docs), Want: int64(len(in.bson)),
		Ours: report.Peer{Name: "millweir bsoncodec.ParseBSON", Run: func() (int64, error) {
			return stream.Run(background, stream.Via(source.Slice(cs), bsoncodec.ParseBSON(nil)), sink.Fold(int64(0), addDocument))
		}},
		Peers: []report.Peer{{Name: "driver, ReadDocument and Validate", Run: func() (total int64, _ error) {
			r := bytes.NewReader(in.bson)
			for {
				doc, err := bson.ReadDocument(r)
				if errors.Is(err, io.EOF) {
					return total, nil
				}
				if err == nil {
					err = doc.Validate()
				}
				if err != nil {
					return 0, err
				}
				total = addDocument(total, doc)
			}
		}}},
	}}, nil
}
