package main

import (
	"context"
	"encoding/binary"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/sink"
	memory "github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// largeRSS is the memory limit of a process with one document of the largest size, in MiB.
const largeRSS = 260

// millweirLarge backs up and restores the worst document, in one pipeline without servers: 16 MiB
// of control characters are a line of 96 MiB.
var millweirLarge = program{name: "millweir", role: "millweir-large", alone: func(ctx context.Context) error {
	doc := controls(16 << 20)
	format := bsoncodec.ExtJSONFormat(nil, nil).Then(codec.GzipFormat(nil, nil))
	src := stream.Via2(memory.Of(doc), format.Encode(), format.Decode())
	n, err := stream.Run(ctx, src, sink.Fold(0, func(n int, doc bson.Raw) int { return n + len(doc) }))
	if err == nil && n != len(doc) {
		err = fmt.Errorf("%d bytes came back, want %d", n, len(doc))
	}
	return err
}}

// controls returns a document of size bytes, with one string of control characters.
func controls(size int) bson.Raw {
	const head, tail = 4 + 1 + 2 + 4, 2 // length, type, key, length; the two terminators
	doc := make(bson.Raw, size)
	binary.LittleEndian.PutUint32(doc, uint32(size))
	doc[4], doc[5] = byte(bson.TypeString), 'a'
	binary.LittleEndian.PutUint32(doc[7:], uint32(size-head-1))
	for i := head; i < size-tail; i++ {
		doc[i] = 1
	}
	return doc
}

// large measures the memory of the largest document.
func (w *world) large(ctx context.Context) report.Case {
	c := w.job("large-document", "a document of 16 MiB of control characters to JSON, gzip, and back, in memory")
	c.By, c.Also = report.RSS, []report.Metric{report.CPU}
	c.Limits = []report.Limit{{Max: largeRSS}}
	c.Ours = report.Peer{Name: millweirLarge.name, Work: func(int) (report.Sample, error) {
		u, err := w.measure(ctx, millweirLarge, "both", "", "")
		return report.Sample{Units: 16 << 20, CPU: u.CPU, Wall: u.Wall, RSS: u.RSS, Allocs: -1}, err
	}}
	return c
}
