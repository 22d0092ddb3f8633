package bsoncodec

import (
	"context"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/stream"
)

// parseBatches is a run of [ParseExtJSON] with n goroutines that parse.
func parseBatches(ctx context.Context, src stream.Source[[]byte], o ParseExtJSONOptions, n int,
	emit func(bson.Raw) error,
) error {
	parsers := sync.Pool{New: func() any { return newBatchParser(o) }}
	r := batches[[]byte, bson.Raw]{stage: "bsoncodec.ParseExtJSON", n: n, size: batchSize, most: max(0, o.Parallelism)}
	r.convert = func(b *lineBatch) {
		p := parsers.Get().(*batchParser)
		p.parse(b)
		parsers.Put(p)
	}
	var lines, bytes int64 // of the batches before
	return r.run(ctx, func(ctx context.Context, emit func(*lineBatch) error) error {
		c := lineBatcher{max: o.MaxLine, ctx: ctx, get: r.get, emit: emit}
		if err := guarded.Each(ctx, src, c.push); err != nil {
			return err
		}
		return c.finish()
	}, func(b *lineBatch) error {
		for _, doc := range b.out {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := emit(doc); err != nil {
				return err
			}
		}
		if e, ok := b.err.(*SyntaxError); ok { //nolint:errorlint // parse returns no other type
			e.Line, e.Offset = e.Line+lines, e.Offset+bytes
		}
		lines, bytes = lines+b.lines, bytes+int64(b.size)
		return nil
	})
}

// batchParser parses batches of lines.
type batchParser struct {
	lineParser
	batch *lineBatch
}

func newBatchParser(o ParseExtJSONOptions) *batchParser {
	p := new(batchParser)
	p.lineParser = newLineParser(o, func(doc bson.Raw) error {
		p.batch.out = append(p.batch.out, doc)
		return nil
	})
	return p
}

// parse parses the lines of b.
func (p *batchParser) parse(b *lineBatch) {
	p.batch, p.later = b, !b.first
	p.lines = lineCutter{max: p.lines.max, partial: p.lines.partial[:0]}
	p.lines.reserve(b.in)
	for i, chunk := range b.in {
		if b.err = p.push(chunk); b.err != nil {
			break
		}
		b.in[i] = nil
	}
	if b.err == nil {
		b.err = p.finish()
	}
	b.lines = p.lines.count
	p.batch = nil
	if cap(p.lines.partial) > keptSize {
		p.lines.partial = nil
	}
}
