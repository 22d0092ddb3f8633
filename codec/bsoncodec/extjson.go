package bsoncodec

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/internal/lend"
	"github.com/millweir/millweir/stream"
)

// ExtJSONOptions tunes [ExtJSON] and [AppendExtJSON]. The zero value is ready to use.
type ExtJSONOptions struct {
	Relaxed     bool // plain numbers and readable dates; an int64 in the range of an int32 comes back as an int32. False means canonical
	Strict      bool // refuse with [ErrInexact] what would need the escape form
	ChunkSize   int  // of ExtJSON: bytes after which a chunk is emitted, at least 1; 0 means 64 KiB; 1 emits every line by itself
	MaxDepth    int  // levels of documents and arrays, at least 1; 0 means 200
	MaxLine     int  // bytes of a line without its newline; a document whose line passes that is escaped as a whole; 0 means 128 MiB
	MaxDocument int  // bytes of BSON in a document; 0 means 16 MiB + 16 KiB, as the servers have it
}

// check tells whether the settings make sense, and completes them.
func (o *ExtJSONOptions) check() error {
	if err := checkRange("ChunkSize", &o.ChunkSize, defaultChunk, maxChunk); err != nil {
		return err
	}
	if err := checkDepth(&o.MaxDepth); err != nil {
		return err
	}
	if err := checkLine(&o.MaxLine); err != nil {
		return err
	}
	return checkSize(&o.MaxDocument)
}

func (o *ExtJSONOptions) writer() writer {
	return writer{relaxed: o.Relaxed, strict: o.Strict, maxDepth: o.MaxDepth, maxSize: o.MaxDocument, maxLine: o.MaxLine}
}

// ExtJSON returns a flow that writes every document as one line of MongoDB Extended JSON v2
// (https://github.com/mongodb/specifications/blob/master/source/extended-json/extended-json.md).
//
// The bytes are those of the driver's MarshalExtJSON, and depend on nothing but the documents and the options. In canonical mode
// [ParseExtJSON] gives back every document byte for byte; what Extended JSON cannot carry is written in the escape form that the
// package's comment describes.
//
//   - In: documents.
//   - Out: chunks of whole lines, each line ended by a newline. Lines are collected until ChunkSize is reached; the rest
//     comes when the upstream ends. A document can so wait for the next one.
//   - Ownership: as that of [BSON].
//   - Memory: one chunk of ChunkSize, and one line. A line of more than 1 MiB takes up to a third more than
//     its length, or three times its length if the end of the document is not like its beginning. A document
//     of 16 MiB of control characters is a line of 96 MiB, and took 140 MiB of a process. If chunks are lent,
//     the memory of a long line is kept for 100 of them.
//   - Errors: [*DocumentError] for what is not whole BSON, with [ErrDepth], [ErrSize] and [ErrInexact] among the causes.
//     Lines before it in the same chunk are not emitted.
func ExtJSON(opts *ExtJSONOptions) stream.Flow[bson.Raw, []byte] {
	var o ExtJSONOptions
	if opts != nil {
		o = *opts
	}
	return stream.FlowFunc[bson.Raw, []byte](func(src stream.Source[bson.Raw]) stream.Source[[]byte] {
		o := o
		if err := o.check(); err != nil {
			return stream.Fail[[]byte](err)
		}
		return lend.Source(func(ctx context.Context, emit func([]byte) error, lent bool) error {
			w, c := o.writer(), chunkWriter{size: o.ChunkSize, emit: emit, lent: lent}
			var n int64
			err := guarded.Each(ctx, src, func(doc bson.Raw) error {
				n++
				line, err := w.document(c.begin(), doc)
				if err != nil {
					err.(*DocumentError).Document = n //nolint:errorlint // it is no other
					return err
				}
				return c.commit(append(line, '\n'))
			})
			if err != nil {
				return err
			}
			return c.flush()
		})
	})
}
