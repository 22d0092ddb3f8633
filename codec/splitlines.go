package codec

import (
	"bytes"
	"context"

	"github.com/millweir/millweir/internal/lend"
	"github.com/millweir/millweir/stream"
)

// SplitLinesOptions tunes [SplitLines]. The zero value is ready to use.
type SplitLinesOptions struct {
	MaxLength int  // maximum bytes in a line, without its newline; 0 means 128 MiB
	TrimCR    bool // remove one carriage return from the end of each line, for text with CRLF
	SkipEmpty bool // skip lines that are empty (after TrimCR)
}

// SplitLines returns a flow that splits a byte stream into lines. Its mirror is [JoinLines].
//
//   - In: byte chunks of any size.
//   - Out: one line per element, without its newline (LF). An empty line is an element of length 0.
//     Text after the last newline is a line as well.
//   - Ownership: the receiver owns a line, up to its length and capacity. Lines share the memory of
//     their chunk; lines that span chunks share 32 KiB. To keep a few short lines for long, copy
//     them. With [stream.EachLent] a line is valid until the next one, as with a bufio.Scanner, and
//     needs no extra memory.
//   - Memory: the current chunk and 32 KiB; for a line that spans chunks up to three times its
//     length.
//   - Errors: an [*InputError] with the number of the line and its offset: [ErrTooLong].
func SplitLines(opts *SplitLinesOptions) stream.Flow[[]byte, []byte] {
	o := valueOf(opts)
	return namedLines("codec: split lines", o)
}

// namedLines is SplitLines with another prefix for its errors.
func namedLines(name string, o SplitLinesOptions) stream.Flow[[]byte, []byte] {
	if o.MaxLength < 0 {
		return failing[[]byte, []byte](wrap(name, errNegative))
	}
	if o.MaxLength == 0 {
		o.MaxLength = defaultMaxLength
	}
	return lend.Flow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error, lent bool) error {
		l := lineSplitter{name: name, SplitLinesOptions: o, ctx: ctx, emit: emit, rec: recordBuffer{lent: lent}}
		err := guardRecords(ctx, src, l.chunk, lent)
		if err == nil {
			err = l.end()
		}
		return err
	})
}

// lineSplitter is one run of SplitLines.
type lineSplitter struct {
	name string
	SplitLinesOptions
	ctx    context.Context // of this run
	emit   func([]byte) error
	rec    recordBuffer
	offset int64 // offset of the current line
	lines  int64 // emitted or skipped so far
}

// chunk emits the lines that end in p.
func (l *lineSplitter) chunk(p []byte) error {
	if l.rec.len() > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			return l.hold(p)
		}
		if err := l.emitLine(l.rec.complete(p[:i:i])); err != nil {
			return err
		}
		p = p[i+1:]
	}
	// These values do not change, so they are computed outside the loop, which runs once per line.
	emit, plain, done := l.emit, !l.TrimCR && !l.SkipEmpty, l.ctx.Done()
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			break
		}
		line := p[:i:i]
		p = p[i+1:]
		if !plain || i > l.MaxLength {
			if err := l.emitLine(line); err != nil {
				return err
			}
			continue
		}
		if done != nil && l.ctx.Err() != nil {
			return context.Cause(l.ctx)
		}
		l.lines++
		l.offset += int64(i) + 1
		if err := emit(line); err != nil {
			return err
		}
	}
	if len(p) == 0 {
		return nil
	}
	return l.hold(p)
}

// hold adds p to the line that continues in the next chunk.
func (l *lineSplitter) hold(p []byte) error {
	if n := l.rec.len() + len(p); n > l.MaxLength && !(l.TrimCR && n == l.MaxLength+1) {
		return l.tooLong()
	}
	l.rec.add(p)
	return nil
}

// emitLine emits one line.
func (l *lineSplitter) emitLine(line []byte) error {
	size := int64(len(line)) + 1
	if n := len(line); l.TrimCR && n > 0 && line[n-1] == '\r' {
		line = line[: n-1 : n-1]
	}
	if len(line) > l.MaxLength {
		return l.tooLong()
	}
	l.lines++
	l.offset += size
	if l.SkipEmpty && len(line) == 0 {
		return nil
	}
	if l.ctx.Err() != nil {
		return context.Cause(l.ctx)
	}
	return l.emit(line)
}

// end emits the text after the last newline.
func (l *lineSplitter) end() error {
	if l.rec.len() == 0 {
		return nil
	}
	return l.emitLine(l.rec.complete(nil))
}

func (l *lineSplitter) tooLong() error {
	return wrap(l.name, &InputError{Offset: l.offset, Record: l.lines + 1, Err: ErrTooLong})
}
