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

// SplitJSONObjects returns a flow that splits a byte stream into its top-level JSON objects. White
// space or single commas may stand between them, or they are the elements of one top-level array.
//
//   - In: byte chunks of any size.
//   - Out: one object per element, from its { to its }, byte for byte. The stage looks at braces
//     and strings only; the parser that follows checks the rest.
//   - Ownership: objects share the memory of their chunk, as lines do in [SplitLines].
//   - Memory: the current chunk; for an object that spans chunks up to three times its length.
//   - Errors: an [*InputError] with the number of the object and the offset: [ErrSyntax] for
//     anything else between the objects; [io.ErrUnexpectedEOF] if the stream ends inside an object
//     or an array, or after a comma; [ErrTooLong].
func SplitJSONObjects(opts *SplitJSONObjectsOptions) stream.Flow[[]byte, []byte] {
	var o SplitJSONObjectsOptions
	if opts != nil {
		o = *opts
	}
	if o.MaxLength < 0 {
		return failing[[]byte, []byte](wrap("codec: split json objects", errNegative))
	}
	if o.MaxLength == 0 {
		o.MaxLength = defaultMaxLength
	}
	return stream.NewFlow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error) error {
		s := objectScanner{ctx: ctx, emit: emit, max: o.MaxLength}
		err := guarded.Each(ctx, src, s.chunk)
		if err == nil {
			err = s.end()
		}
		return err
	})
}

// place is where a scanner stands between two objects.
type place byte

const (
	atStart    place = iota // nothing but white space so far
	afterItem               // an object without an array around it
	afterComma              // and a comma behind it
	arrayStart              // the [ of the array
	arrayItem               // an object of the array
	arrayComma              // and a comma behind it
	afterArray              // the ] of the array
)

// objectScanner is one run of SplitJSONObjects.
type objectScanner struct {
	ctx     context.Context // of the run that this is
	emit    func([]byte) error
	max     int
	rec     record
	nest    nesting
	at      place
	base    int64 // offset of the chunk in hand
	start   int64 // offset of the object that has begun
	objects int64 // emitted so far
}

// chunk emits the objects that end in p.
func (s *objectScanner) chunk(p []byte) error {
	for i := 0; i < len(p); {
		if s.nest.depth == 0 {
			var err error
			if i, err = s.between(p, i); err != nil || i == len(p) {
				s.base += int64(i)
				return err
			}
			s.start = s.base + int64(i)
		}
		from := i
		i = s.nest.scan(p, i)
		if s.rec.len()+i-from > s.max {
			return s.fail(s.start, ErrTooLong)
		}
		if s.nest.depth > 0 {
			s.rec.hold(p[from:i:i])
			break
		}
		object := p[from:i:i]
		if s.rec.len() > 0 {
			object = s.rec.take(object)
		}
		if s.ctx.Err() != nil {
			return context.Cause(s.ctx)
		}
		if err := s.emit(object); err != nil {
			return err
		}
		s.objects++
	}
	s.base += int64(len(p))
	return nil
}

// between passes over what may stand between objects, up to the brace that begins the next one.
func (s *objectScanner) between(p []byte, i int) (int, error) {
	for ; i < len(p); i++ {
		c, next := p[i], s.at
		switch c {
		case ' ', '\t', '\n', '\r':
			continue
		case '{':
			switch s.at {
			case atStart, afterItem, afterComma:
				s.at = afterItem
				return i, nil
			case arrayStart, arrayComma:
				s.at = arrayItem
				return i, nil
			}
		case ',':
			switch s.at {
			case afterItem:
				next = afterComma
			case arrayItem:
				next = arrayComma
			}
		case '[':
			if s.at == atStart {
				next = arrayStart
			}
		case ']':
			if s.at == arrayStart || s.at == arrayItem {
				next = afterArray
			}
		}
		if next == s.at {
			return i, s.fail(s.base+int64(i), fmt.Errorf("%w: %q between objects", ErrSyntax, c))
		}
		s.at = next
	}
	return i, nil
}

// end checks that the stream may end here.
func (s *objectScanner) end() error {
	if s.nest.depth > 0 || s.at == afterComma || s.at == arrayStart || s.at == arrayItem || s.at == arrayComma {
		return s.fail(s.base, io.ErrUnexpectedEOF)
	}
	return nil
}

func (s *objectScanner) fail(offset int64, err error) error {
	return wrap("codec: split json objects", &InputError{Offset: offset, Record: s.objects + 1, Err: err})
}
