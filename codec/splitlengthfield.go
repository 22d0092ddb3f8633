package codec

import (
	"context"
	"encoding/binary"
	"errors"
	"io"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/stream"
)

// LengthFieldOptions tunes [SplitLengthField] and [JoinLengthField]. The zero value is ready to
// use.
type LengthFieldOptions struct {
	Size         int  // bytes in the length field: 1, 2, 4 or 8; 0 means 4
	LittleEndian bool // the least significant byte is first; by default the most significant one is
	MaxLength    int  // maximum bytes in a frame, without its length field; 0 means 128 MiB
}

// SplitLengthField returns a flow that splits a byte stream into frames. The length of a frame
// precedes it. Its mirror is [JoinLengthField].
//
//   - In: byte chunks of any size.
//   - Out: one frame per element, without its length field; it may be empty.
//   - Ownership and memory: as in [SplitLines].
//   - Errors: an [*InputError] with the number of the frame and its offset: [ErrTooLong], before
//     memory is allocated for the frame; [io.ErrUnexpectedEOF] if the stream ends inside a frame or
//     its length field.
func SplitLengthField(opts *LengthFieldOptions) stream.Flow[[]byte, []byte] {
	o, err := opts.fill()
	if err != nil {
		return failing[[]byte, []byte](wrap("codec: split length field", err))
	}
	return stream.NewFlow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error) error {
		l := frameSplitter{LengthFieldOptions: o, ctx: ctx, emit: emit, length: -1}
		err := guarded.Each(ctx, src, l.chunk)
		if err == nil && (l.length >= 0 || l.rec.len() > 0) {
			err = l.fail(io.ErrUnexpectedEOF)
		}
		return err
	})
}

var errFieldSize = errors.New("the field's size is not 1, 2, 4 or 8")

// fill returns the options with their defaults.
func (o *LengthFieldOptions) fill() (LengthFieldOptions, error) {
	var f LengthFieldOptions
	if o != nil {
		f = *o
	}
	if f.Size == 0 {
		f.Size = 4
	}
	if f.MaxLength == 0 {
		f.MaxLength = defaultMaxLength
	}
	switch {
	case f.Size != 1 && f.Size != 2 && f.Size != 4 && f.Size != 8:
		return f, errFieldSize
	case f.MaxLength < 0:
		return f, errNegative
	}
	return f, nil
}

// max returns the longest frame that the field and the options allow.
func (o *LengthFieldOptions) max() uint64 {
	if o.Size < 8 {
		return min(uint64(o.MaxLength), 1<<(8*o.Size)-1)
	}
	return uint64(o.MaxLength)
}

// frameSplitter is one run of SplitLengthField.
type frameSplitter struct {
	LengthFieldOptions
	ctx    context.Context // of this run
	emit   func([]byte) error
	rec    recordBuffer // of the field or the frame
	length int          // of the current frame; -1 before its field is complete
	offset int64        // of the frame's field
	frames int64        // emitted so far
}

// chunk emits the frames that end in p.
func (l *frameSplitter) chunk(p []byte) error {
	for {
		need := l.Size
		if l.length >= 0 {
			need = l.length
		}
		k := need - l.rec.len()
		if k > len(p) {
			if len(p) > 0 {
				l.rec.add(p)
			}
			return nil
		}
		part := l.rec.complete(p[:k])
		p = p[k:]
		if l.length < 0 {
			n := l.field(part)
			if n > l.max() {
				return l.fail(ErrTooLong)
			}
			l.length = int(n)
			continue
		}
		if l.ctx.Err() != nil {
			return context.Cause(l.ctx)
		}
		if err := l.emit(part); err != nil {
			return err
		}
		l.offset += int64(l.Size + l.length)
		l.frames++
		l.length = -1
		if len(p) == 0 {
			return nil
		}
	}
}

// field decodes a length field.
func (l *frameSplitter) field(p []byte) uint64 {
	var b [8]byte
	if l.LittleEndian {
		copy(b[:], p)
		return binary.LittleEndian.Uint64(b[:])
	}
	copy(b[8-len(p):], p)
	return binary.BigEndian.Uint64(b[:])
}

func (l *frameSplitter) fail(err error) error {
	return wrap("codec: split length field", &InputError{Offset: l.offset, Record: l.frames + 1, Err: err})
}
