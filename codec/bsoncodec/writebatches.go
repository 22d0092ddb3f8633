package bsoncodec

import (
	"context"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/stream"
)

// documentBatch is a batch of documents that become one chunk of lines.
type documentBatch = batch[bson.Raw, []byte]

// writeBatches is a run of [ExtJSON] with n goroutines that write. A batch has size bytes of
// documents or slightly more.
func writeBatches(ctx context.Context, src stream.Source[bson.Raw], o ExtJSONOptions, n, size int, lent bool,
	emit func([]byte) error,
) error {
	writers := sync.Pool{New: func() any { return &batchWriter{writer: o.writer()} }}
	var chunks sync.Pool // of *[]byte, if they are lent
	r := batches[bson.Raw, []byte]{stage: "bsoncodec.ExtJSON", n: n, size: size, most: max(0, o.Parallelism)}
	r.convert = func(b *documentBatch) {
		w := writers.Get().(*batchWriter)
		if used, ok := chunks.Get().(*[]byte); ok {
			w.chunk = *used
		}
		w.write(b)
		writers.Put(w)
	}
	var documents int64 // of the batches before
	return r.run(ctx, func(ctx context.Context, emit func(*documentBatch) error) error {
		b := r.get()
		err := guarded.Each(ctx, src, func(doc bson.Raw) error {
			b.in = append(b.in, doc)
			if b.size += len(doc); b.size < size {
				return nil
			}
			full := b
			b = r.get()
			return emit(full)
		})
		if len(b.in) > 0 && ctx.Err() == nil {
			if e := emit(b); err == nil {
				return e
			}
		}
		return err
	}, func(b *documentBatch) error {
		if e, ok := b.err.(*DocumentError); ok { //nolint:errorlint // write returns no other type
			e.Document += documents
			return nil
		}
		documents += int64(len(b.in))
		chunk := b.out[0]
		if err := emit(chunk); err != nil {
			return err
		}
		if lent && cap(chunk) <= size+maxKept {
			chunks.Put(&chunk)
		}
		return nil
	})
}

// batchWriter writes batches of documents.
type batchWriter struct {
	writer
	chunk []byte  // memory for the next chunk, or nil
	ratio float64 // bytes of the last chunk for each byte of its documents
}

// chunkMargin is a factor: a chunk gets 5 % more room than the last ratio of text to BSON predicts.
const chunkMargin = 1.05

// write writes the documents of b as one chunk.
func (w *batchWriter) write(b *documentBatch) {
	chunk := w.chunk[:0]
	if w.chunk = nil; chunk == nil {
		chunk = make([]byte, 0, int(chunkMargin*w.ratio*float64(b.size))+minChunkSlack)
	}
	for i, doc := range b.in {
		line, err := w.document(chunk, doc)
		if err != nil {
			err.(*DocumentError).Document = int64(i) + 1 //nolint:errorlint // document returns no other type
			b.err = err
			return
		}
		chunk = append(line, '\n')
	}
	w.ratio = min(float64(len(chunk))/float64(b.size), maxGrowth)
	b.out = append(b.out, chunk)
}
