package codec

import (
	"context"
	"fmt"
	"io"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/stream"
)

// SplitJSONObjectsOptions tunes [SplitJSONObjects]. The zero value is ready to use.
type SplitJSONObjectsOptions struct {
	MaxLength int // maximum bytes in an object; 0 means 128 MiB
}

// SplitJSONObjects returns a flow that splits a byte stream into its top-level JSON objects. They
// are separated by white space or single commas, or are the elements of one top-level array.
//
//   - In: byte chunks of any size.
//   - Out: one object per element, from its { to its }, byte for byte. The stage examines only
//     braces and strings; the parser that follows must check the rest.
//   - Ownership: objects share the memory of their chunk, as lines do in [SplitLines].
//   - Memory: the current chunk; for an object that spans chunks up to three times its length.
//   - Errors: an [*InputError] with the number of the object and the offset: [ErrSyntax] for
//     anything else between the objects; [io.ErrUnexpectedEOF] if the stream ends inside an object
//     or an array, or after a comma; [ErrTooLong].
func SplitJSONObjects(opts *SplitJSONObjectsOptions) stream.Flow[[]byte, []byte] {
	o := valueOf(opts)
	if o.MaxLength < 0 {
		return failing[[]byte, []byte](wrap("codec: split json objects", errNegative))
	}
	if o.MaxLength == 0 {
		o.MaxLength = defaultMaxLength
	}
	return stream.NewFlow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error) error {
		s := objectSplitter{ctx: ctx, emit: emit, max: o.MaxLength}
		err := guarded.Each(ctx, src, s.chunk)
		if err == nil {
			err = s.end()
		}
		return err
	})
}

// listState is the position of a parser between the items of a list.
type listState byte

const (
	atStart    listState = iota // only white space so far
	afterItem                   // an object without an array around it
	afterComma                  // the comma after it
	arrayStart                  // the [ of the array
	arrayItem                   // an object of the array
	arrayComma                  // the comma after it
	afterArray                  // the ] of the array
)

// objectSplitter is one run of SplitJSONObjects.
type objectSplitter struct {
	ctx          context.Context // of this run
	emit         func([]byte) error
	max          int
	rec          recordBuffer
	nesting      nesting
	state        listState
	chunkOffset  int64 // offset of the current chunk
	objectOffset int64 // offset of the current object
	objects      int64 // emitted so far
}

// chunk emits the objects that end in p.
func (s *objectSplitter) chunk(p []byte) error {
	for i := 0; i < len(p); {
		if s.nesting.depth == 0 {
			var err error
			if i, err = s.between(p, i); err != nil || i == len(p) {
				s.chunkOffset += int64(i)
				return err
			}
			s.objectOffset = s.chunkOffset + int64(i)
		}
		from := i
		i = s.nesting.scan(p, i)
		if s.rec.len()+i-from > s.max {
			return s.fail(s.objectOffset, ErrTooLong)
		}
		if s.nesting.depth > 0 {
			s.rec.add(p[from:i:i])
			break
		}
		object := p[from:i:i]
		if s.rec.len() > 0 {
			object = s.rec.complete(object)
		}
		if s.ctx.Err() != nil {
			return context.Cause(s.ctx)
		}
		if err := s.emit(object); err != nil {
			return err
		}
		s.objects++
	}
	s.chunkOffset += int64(len(p))
	return nil
}

// between skips the bytes between objects, up to the brace that begins the next one.
func (s *objectSplitter) between(p []byte, i int) (int, error) {
	for ; i < len(p); i++ {
		c, next := p[i], s.state
		switch c {
		case ' ', '\t', '\n', '\r':
			continue
		case '{':
			switch s.state {
			case atStart, afterItem, afterComma:
				s.state = afterItem
				return i, nil
			case arrayStart, arrayComma:
				s.state = arrayItem
				return i, nil
			}
		case ',':
			switch s.state {
			case afterItem:
				next = afterComma
			case arrayItem:
				next = arrayComma
			}
		case '[':
			if s.state == atStart {
				next = arrayStart
			}
		case ']':
			if s.state == arrayStart || s.state == arrayItem {
				next = afterArray
			}
		}
		if next == s.state {
			return i, s.fail(s.chunkOffset+int64(i), fmt.Errorf("%w: %q between objects", ErrSyntax, c))
		}
		s.state = next
	}
	return i, nil
}

// end checks that the stream may end here.
func (s *objectSplitter) end() error {
	if s.nesting.depth > 0 || s.state == afterComma || s.state == arrayStart || s.state == arrayItem ||
		s.state == arrayComma {
		return s.fail(s.chunkOffset, io.ErrUnexpectedEOF)
	}
	return nil
}

func (s *objectSplitter) fail(offset int64, err error) error {
	return wrap("codec: split json objects", &InputError{Offset: offset, Record: s.objects + 1, Err: err})
}
