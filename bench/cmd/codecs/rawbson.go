package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/bench/pekko"
	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// rawBSON writes documents one after the other, and reads them back with a check of their
// structure.
func rawBSON(in *input, _ pekko.Peer) ([]report.Case, error) {
	cs := chunks(in.bson)
	return []report.Case{{
		Name: "bson-write", About: "documents → chunks of BSON",
		Unit: "document", Units: len(in.docs), Want: int64(len(in.bson)),
		Ours: report.Peer{Name: "millweir bsoncodec.BSON", Run: func() (int64, error) {
			var n byteCounter
			err := outputOf(stream.Via(source.Slice(in.docs), bsoncodec.BSON(nil)))(&n)
			return int64(n), err
		}},
		Peers: []report.Peer{
			{Name: "bufio.Writer", Run: func() (int64, error) { return buffered(in.docs, unchecked) }},
			{
				Name: "bufio.Writer, every length compared",
				Run:  func() (int64, error) { return buffered(in.docs, lengthIsRight) },
			},
		},
	}, {
		Name: "bson-write-owned", About: "documents → chunks of BSON that the receiver may keep",
		Unit: "document", Units: len(in.docs), Want: int64(len(in.bson)),
		Ours: report.Peer{Name: "millweir bsoncodec.BSON", Run: func() (int64, error) {
			return stream.Run(background, stream.Via(source.Slice(in.docs), bsoncodec.BSON(nil)),
				sink.Fold(int64(0), addChunk))
		}},
		Peers: []report.Peer{{Name: "append to a new chunk for each 64 KiB", Run: func() (total int64, _ error) {
			var chunk []byte
			for _, doc := range in.docs {
				if len(chunk)+len(doc) > chunkBytes {
					total = addChunk(total, chunk)
					chunk = make([]byte, 0, max(chunkBytes, len(doc)))
				}
				chunk = append(chunk, doc...)
			}
			return addChunk(total, chunk), nil
		}}},
	}, {
		Name: "bson-parse", About: "chunks of BSON → documents, checked",
		Unit: "document", Units: len(in.docs), Want: int64(len(in.bson)),
		Ours: report.Peer{Name: "millweir bsoncodec.ParseBSON", Run: func() (int64, error) {
			return stream.Run(background, stream.Via(source.Slice(cs), bsoncodec.ParseBSON(nil)),
				sink.Fold(int64(0), addDocument))
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

func unchecked(bson.Raw) bool { return true }

// buffered writes documents one after the other through a reused buffer, after a check of each.
func buffered(docs []bson.Raw, check func(bson.Raw) bool) (int64, error) {
	var n byteCounter
	w := bufio.NewWriterSize(&n, chunkBytes)
	for _, doc := range docs {
		if !check(doc) {
			return 0, errWrongOutput
		}
		if _, err := w.Write(doc); err != nil {
			return 0, err
		}
	}
	err := w.Flush()
	return int64(n), err
}
