package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/corpus"
)

const chunkBytes = 64 << 10 // of the chunks that byte streams come in

// input is the input of the codecs.
type input struct {
	shapes []shape
	docs   []bson.Raw // of all shapes, mixed as in a backup
	bson   []byte     // the same, concatenated
	text   []byte     // the same as canonical Extended JSON, as the driver writes it, one a line
}

// shape is documents of one kind.
type shape struct {
	name  string
	docs  []bson.Raw
	lines [][]byte // as canonical Extended JSON, as the driver writes it
	text  []byte   // the lines, each with a newline
	size  int      // bytes of all documents

	// The bars of the writer and the parser against the driver's.
	write, parse bar
	// Documents share chunks of 64 KiB. These are the limits on chunks per document, in both
	// directions.
	chunks float64
}

type bar struct{ least, goal float64 }

// newInput makes documents with size bytes of text. A case of one shape has more documents and
// output than fit into the cache of a core.
func newInput(size int) (*input, error) {
	c := corpus.New(1)
	in := &input{shapes: []shape{
		{name: "cookie", docs: corpus.Docs(size/1024, c.Cookie), write: bar{14, 22}, parse: bar{16, 25}, chunks: 0.02},
		{name: "event", docs: corpus.Docs(size/4096, c.Event), write: bar{11, 16}, parse: bar{11, 16}, chunks: 0.05},
		{name: "big", docs: corpus.Docs(size/16384, c.Big), write: bar{6, 9}, parse: bar{7, 10}, chunks: 0.3},
	}}
	for i := range in.shapes {
		if err := in.shapes[i].fill(); err != nil {
			return nil, err
		}
	}
	for len(in.text) < size {
		doc := c.Mix()
		line, err := bson.MarshalExtJSON(doc, true, false)
		if err != nil {
			return nil, fmt.Errorf("input: %w", err)
		}
		in.docs, in.bson = append(in.docs, doc), append(in.bson, doc...)
		in.text = append(append(in.text, line...), '\n')
	}
	return in, nil
}

// fill makes the text of the documents.
func (s *shape) fill() error {
	for _, doc := range s.docs {
		line, err := bson.MarshalExtJSON(doc, true, false)
		if err != nil {
			return fmt.Errorf("input: %w", err)
		}
		s.size += len(doc)
		s.lines = append(s.lines, line)
	}
	s.text = append(bytes.Join(s.lines, []byte("\n")), '\n')
	return nil
}

// chunks returns p in chunks.
func chunks(p []byte) [][]byte { return slices.Collect(slices.Chunk(p, chunkBytes)) }

// lengthIsRight reports whether the length in a document is its number of bytes.
func lengthIsRight(doc bson.Raw) bool {
	return len(doc) >= 5 && int(binary.LittleEndian.Uint32(doc)) == len(doc)
}
