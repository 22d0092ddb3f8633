package bsoncodec

import (
	"cmp"
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/internal/lend"
	"github.com/millweir/millweir/stream"
)

// ExtJSONOptions holds the options of [ExtJSON] and [AppendExtJSON]. The zero value is valid.
type ExtJSONOptions struct {
	// Parallelism is the number of goroutines of [ExtJSON] that write. The default, 0, means the
	// number of [stream.WithParallelism], or none. -1 means none.
	Parallelism int
	// Relaxed writes plain numbers and readable dates. An int64 within the range of an int32 is
	// then parsed as an int32. The default is canonical.
	Relaxed bool
	// Strict fails with [ErrInexact] instead of writing the escape form.
	Strict bool
	// ChunkSize is the number of bytes after which [ExtJSON] emits a chunk, 1 to 1 GiB. The default
	// is 64 KiB. 1 emits each line by itself. With goroutines it is the number of bytes of BSON in
	// a chunk, 256 KiB by default.
	ChunkSize int
	// MaxDepth limits the levels of documents and arrays, 1 to 10,000. The default is 200.
	MaxDepth int
	// MaxLine limits the bytes of a line without its newline, 1 to 2 GiB − 1. The default is 128
	// MiB. A document with a longer line is escaped as a whole.
	MaxLine int
	// MaxDocument limits the bytes of a document in BSON, 1 to 2 GiB − 1. The default is 16 MiB +
	// 16 KiB, the limit of MongoDB's servers.
	MaxDocument int
}

// check sets the defaults and returns an error if an option is out of range.
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
	return writer{
		relaxed: o.Relaxed, strict: o.Strict, maxDepth: o.MaxDepth, maxSize: o.MaxDocument, maxLine: o.MaxLine,
	}
}

// ExtJSON returns a flow that writes each document as one line of MongoDB Extended JSON v2
// (https://github.com/mongodb/specifications/blob/master/source/extended-json/extended-json.md).
//
// The output is the same as from the driver's MarshalExtJSON, and depends only on the documents and
// options.
// In canonical mode [ParseExtJSON] restores every document byte for byte. A value that Extended
// JSON cannot represent is written in the escape form of the package comment.
//
//   - In: documents.
//   - Out: chunks of whole lines, each with a newline. A chunk is emitted when it reaches
//     ChunkSize, and at the end of the upstream. So a document may wait for the next one.
//   - Ownership: as in [BSON].
//   - Memory: one chunk of ChunkSize, and one line. A document of more than 64 KiB is measured
//     first, so its line takes its length. A document of 16 MiB of control characters is a line of
//     96 MiB. If chunks are lent, the memory of a long line is kept for 100 chunks. With
//     Parallelism n, up to about 2n MiB of documents and lines are in flight, or one larger batch,
//     within the budget of the run.
//   - Goroutines: with Parallelism n, n write and one runs the upstream. The order is kept, and the
//     bytes are the same.
//   - Errors: [*DocumentError] for a document that is not valid BSON, which may wrap [ErrDepth],
//     [ErrSize] and [ErrInexact]. Earlier lines of the same chunk are not emitted.
func ExtJSON(opts *ExtJSONOptions) stream.Flow[bson.Raw, []byte] {
	var o ExtJSONOptions
	if opts != nil {
		o = *opts
	}
	return stream.FlowFunc[bson.Raw, []byte](func(src stream.Source[bson.Raw]) stream.Source[[]byte] {
		o, batch := o, cmp.Or(o.ChunkSize, batchSize)
		if err := o.check(); err != nil {
			return stream.Fail[[]byte](err)
		}
		return lend.Source(func(ctx context.Context, emit func([]byte) error, lent bool) error {
			n, err := stream.Parallelism(ctx, o.Parallelism)
			if err != nil {
				return err
			}
			if n > 0 {
				return writeBatches(ctx, src, o, n, batch, lent, emit)
			}
			w, c := o.writer(), chunkWriter{size: o.ChunkSize, emit: emit, lent: lent}
			var document int64
			err = guarded.Each(ctx, src, func(doc bson.Raw) error {
				document++
				line, err := w.document(c.begin(), doc)
				if err != nil {
					err.(*DocumentError).Document = document //nolint:errorlint // document returns no other type
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
