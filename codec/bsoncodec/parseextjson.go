package bsoncodec

import (
	"bytes"
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/stream"
)

// ParseExtJSONOptions holds the options of [ParseExtJSON] and [AppendBSON]. The zero value is
// valid.
type ParseExtJSONOptions struct {
	// SkipBlank makes [ParseExtJSON] skip lines that are blank or null. By default they are an
	// error, [ErrBlank].
	SkipBlank bool
	// MaxDepth limits the levels of documents and arrays, 1 to 10,000. The default is 200.
	MaxDepth int
	// MaxLine limits the bytes of a line without its newline, 1 to 2 GiB − 1. The default is 128
	// MiB.
	MaxLine int
	// MaxDocument limits the bytes of a document in BSON, 1 to 2 GiB − 1. The default is 16 MiB +
	// 16 KiB, the limit of MongoDB's servers.
	MaxDocument int
}

// check sets the defaults and returns an error if an option is out of range.
func (o *ParseExtJSONOptions) check() error {
	if err := checkLine(&o.MaxLine); err != nil {
		return err
	}
	if err := checkDepth(&o.MaxDepth); err != nil {
		return err
	}
	return checkSize(&o.MaxDocument)
}

func (o *ParseExtJSONOptions) parser() parser {
	return parser{maxDepth: o.MaxDepth, maxSize: o.MaxDocument}
}

// ParseExtJSON returns a flow that parses one document of MongoDB Extended JSON v2, canonical or
// relaxed, from each line. It restores what [ExtJSON] wrote, byte for byte, and reads the output of
// other programs, as the package comment describes under "What the parser accepts".
//
//   - In: byte chunks of any size.
//   - Out: documents. Many share one allocation of 64 KiB: keeping one keeps its neighbors. The
//     document of a line of more than 64 KiB has its own memory, at most about a third more than
//     its size.
//   - Memory: the longest line, half as much while it grows, and its document, at most MaxDocument.
//     Lines of 120 MiB took 280 MiB of a process, and several in a row 380 MiB.
//   - Errors: [*SyntaxError] with line, offset, path and _id, which may wrap [ErrDepth], [ErrSize],
//     [ErrBlank] and io.ErrUnexpectedEOF, or a codec.FormatError if the input has another format.
//     To continue after a malformed line, cut the input with codec.SplitLines and call [AppendBSON]
//     in stream.Supervise.
func ParseExtJSON(opts *ParseExtJSONOptions) stream.Flow[[]byte, bson.Raw] {
	var o ParseExtJSONOptions
	if opts != nil {
		o = *opts
	}
	return stream.FlowFunc[[]byte, bson.Raw](func(src stream.Source[[]byte]) stream.Source[bson.Raw] {
		o := o
		if err := o.check(); err != nil {
			return stream.Fail[bson.Raw](err)
		}
		return stream.SourceFunc[bson.Raw](func(ctx context.Context, emit func(bson.Raw) error) error {
			p, l := o.parser(), lineCutter{max: o.MaxLine}
			var free []byte // the unused end of an allocation, for the next documents
			one := func(line []byte) error {
				mark := 0 // bytes of the byte order mark
				if l.count == 1 && bytes.HasPrefix(line, []byte(byteOrderMark)) {
					mark = len(byteOrderMark)
				}
				line = line[mark:]
				if o.SkipBlank && isBlank(line) {
					return nil
				}
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				long, room := len(line) > defaultChunk, free
				switch {
				case long:
					room = make([]byte, 0, min(len(line)+len(line)/8, o.MaxDocument)+parserSlack)
				case cap(free) < len(line):
					room = make([]byte, 0, defaultChunk)
				}
				doc, err := p.document(room[:0], line, l.count, l.offset+int64(mark))
				if err != nil {
					e := err.(*SyntaxError) //nolint:errorlint // document returns no other type
					e.Column += mark
					if l.count == 1 {
						e.Err = formatError(codec.TypeJSON, line, e.Err)
					}
					return e
				}
				switch {
				case !long:
					free = doc[len(doc):]
				case len(doc) < cap(doc)/4*3: // a receiver that keeps it must not keep memory of the line's length
					doc = bytes.Clone(doc)
				}
				return emit(bson.Raw(doc[:len(doc):len(doc)]))
			}
			err := guarded.EachLent(ctx, src, func(chunk []byte) error { return l.push(chunk, one) })
			if err != nil {
				return err
			}
			return l.finish(one)
		})
	})
}

// isBlank reports whether a line has no document: only white space, or null.
func isBlank(line []byte) bool {
	line = bytes.Trim(line, " \t\r\n")
	return len(line) == 0 || string(line) == "null"
}

// parserSlack is spare capacity after the largest document, so that the parser does not reallocate.
const parserSlack = 64

const byteOrderMark = "\uFEFF"
