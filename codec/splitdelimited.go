package codec

import (
	"bytes"
	"context"
	"errors"

	"github.com/millweir/millweir/internal/lend"
	"github.com/millweir/millweir/stream"
)

// SplitDelimitedOptions tunes [SplitDelimited]. The zero value is ready to use.
type SplitDelimitedOptions struct {
	MaxLength int // maximum bytes in a record, without its delimiter; 0 means 128 MiB
}

// SplitDelimited returns a flow that splits a byte stream into records. Each record ends with the
// delimiter. Its mirror is [JoinDelimited]. For lines, [SplitLines] is faster.
//
//   - In: byte chunks of any size.
//   - Out: one record per element, without its delimiter; it may be empty. Bytes after the last
//     delimiter are a record as well.
//   - Ownership and memory: as in [SplitLines].
//   - Errors: an [*InputError] with the number of the record and its offset: [ErrTooLong].
func SplitDelimited(delimiter []byte, opts *SplitDelimitedOptions) stream.Flow[[]byte, []byte] {
	const name = "codec: split delimited"
	o := valueOf(opts)
	switch {
	case len(delimiter) == 0:
		return failing[[]byte, []byte](wrap(name, errNoDelimiter))
	case o.MaxLength < 0:
		return failing[[]byte, []byte](wrap(name, errNegative))
	case o.MaxLength == 0:
		o.MaxLength = defaultMaxLength
	}
	delimiter = bytes.Clone(delimiter)
	return lend.Flow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error, lent bool) error {
		d := delimiterSplitter{ctx: ctx, emit: emit, sep: delimiter, max: o.MaxLength, rec: recordBuffer{lent: lent}}
		err := guardRecords(ctx, src, d.chunk, lent)
		if err == nil && d.rec.len() > 0 {
			err = d.emitRecord(d.rec.complete(nil))
		}
		return err
	})
}

var errNoDelimiter = errors.New("the delimiter is empty")

// delimiterSplitter is one run of SplitDelimited.
type delimiterSplitter struct {
	ctx     context.Context // of this run
	emit    func([]byte) error
	sep     []byte
	max     int
	rec     recordBuffer
	window  []byte // the end of rec and the beginning of a chunk
	offset  int64  // offset of the current record
	records int64  // emitted so far
}

// chunk emits the records that end in p.
func (d *delimiterSplitter) chunk(p []byte) error {
	if rest, whole := d.acrossChunks(p); whole != nil {
		p = rest
		if err := d.emitRecord(whole); err != nil {
			return err
		}
	}
	for {
		i := bytes.Index(p, d.sep)
		if i < 0 {
			break
		}
		rec := d.rec.complete(p[:i])
		p = p[i+len(d.sep):]
		if err := d.emitRecord(rec); err != nil {
			return err
		}
	}
	if len(p) == 0 {
		return nil
	}
	// The end of rec may be the beginning of a delimiter.
	if d.rec.len()+len(p)-(len(d.sep)-1) > d.max {
		return d.tooLong()
	}
	d.rec.add(p)
	return nil
}

// acrossChunks finds a delimiter that begins in the record so far and ends in p. It returns the
// record and the rest of p.
func (d *delimiterSplitter) acrossChunks(p []byte) (rest, whole []byte) {
	held := d.rec.part
	tail := min(len(held), len(d.sep)-1)
	if tail == 0 {
		return nil, nil
	}
	d.window = append(append(d.window[:0], held[len(held)-tail:]...), p[:min(len(p), len(d.sep)-1)]...)
	i := bytes.Index(d.window, d.sep)
	if i < 0 {
		return nil, nil
	}
	n := len(held) - tail + i
	d.rec.reset()
	return p[i+len(d.sep)-tail:], held[:n:n]
}

func (d *delimiterSplitter) emitRecord(p []byte) error {
	if len(p) > d.max {
		return d.tooLong()
	}
	if d.ctx.Err() != nil {
		return context.Cause(d.ctx)
	}
	d.records++
	d.offset += int64(len(p) + len(d.sep))
	return d.emit(p)
}

func (d *delimiterSplitter) tooLong() error {
	return wrap("codec: split delimited", &InputError{Offset: d.offset, Record: d.records + 1, Err: ErrTooLong})
}
