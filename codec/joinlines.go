package codec

import (
	"bytes"
	"context"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/stream"
)

// JoinLines returns a flow that writes every element as a line of text, the mirror of [SplitLines].
//
//   - In: lines without a newline. An empty element is an empty line.
//   - Out: chunks of whole lines, each with its newline (LF), of 64 KiB or a little more.
//   - Memory: one chunk, or the longest line if it is longer.
//   - Errors: an [*InputError] with [ErrSyntax] if an element contains a newline, because it would
//     become two lines.
func JoinLines() stream.Flow[[]byte, []byte] {
	return stream.NewFlow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error) error {
		g := gatherer{emit: emit}
		var lines, offset int64
		err := guarded.Each(ctx, src, func(line []byte) error {
			lines++
			if i := bytes.IndexByte(line, '\n'); i >= 0 {
				return wrap("codec: join lines", &InputError{Record: lines, Offset: offset + int64(i), Err: ErrSyntax})
			}
			offset += int64(len(line)) + 1
			if err := g.reserve(len(line) + 1); err != nil {
				return err
			}
			g.buf = append(append(g.buf, line...), '\n')
			return nil
		})
		if err == nil {
			err = g.flush()
		}
		return err
	})
}

// gatherer collects whole records into new chunks.
type gatherer struct {
	emit func([]byte) error
	buf  []byte
}

// reserve emits the current chunk if n more bytes do not fit.
func (g *gatherer) reserve(n int) error {
	if len(g.buf)+n <= cap(g.buf) {
		return nil
	}
	if err := g.flush(); err != nil {
		return err
	}
	g.buf = make([]byte, 0, max(n, chunkSize))
	return nil
}

// flush emits the current chunk.
func (g *gatherer) flush() error {
	p := g.buf
	g.buf = nil
	if len(p) == 0 {
		return nil
	}
	return g.emit(p)
}
