package bsoncodec

import (
	"bytes"
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/stream"
)

// ParseExtJSONOptions tunes [ParseExtJSON] and [AppendBSON]. The zero value is ready to use.
type ParseExtJSONOptions struct {
	SkipBlank   bool // of ParseExtJSON: pass over lines that are blank or null; false means that they are an error, [ErrBlank]
	MaxDepth    int  // levels of documents and arrays, at least 1; 0 means 200
	MaxLine     int  // bytes of a line without its newline; 0 means 128 MiB
	MaxDocument int  // bytes of BSON in a document; 0 means 16 MiB + 16 KiB, as the servers have it
}

// check tells whether the settings make sense, and completes them.
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

// ParseExtJSON returns a flow that reads one document of MongoDB Extended JSON v2, canonical or relaxed, from every line: what
// [ExtJSON] writes, byte for byte, and what other programs write.
//
//   - Numbers without a wrapper become an int32 where they fit one, else an int64, else a double, as in the driver. A number that
//     passes a double's range is an error.
//   - Legacy forms are read: $uuid, $date as text or number, $binary with $type, $code with $scope in either order, $dbPointer,
//     $symbol, $undefined. An object is a type wrapper when its first key is one, and must then be exactly that. So {"$type":…,
//     "$binary":…}, in this order, is a document of two strings, as to the driver; so is a DBRef ($ref, $id), as everywhere.
//   - A byte order mark at the start of the stream is passed over. A line may end with a carriage return and a newline. The last
//     line needs no newline, but must be whole.
//   - Refused: null and blank lines, more than one document on a line, control characters, bytes that are not UTF-8, lone
//     surrogates, unknown escapes, zero bytes in keys and regular expressions, numbers out of range or of more than
//     8,192 characters, type wrappers with a key twice, missing or too many.
//
// The stage:
//
//   - In: byte chunks of any size, cut anywhere.
//   - Out: documents, many of which share one allocation of 64 KiB: who keeps one for long keeps its neighbours. That of a line of
//     more than 64 KiB has memory of its own, at most about a third more than it is long.
//   - Memory: the longest line, half as much while it grows, and its document, for which at most
//     MaxDocument is taken. Lines of 120 MiB took 280 MiB of a process, and one after the other 380.
//   - Errors: [*SyntaxError] with line, offset, path and _id, with [ErrDepth], [ErrSize], [ErrBlank] and io.ErrUnexpectedEOF among
//     the causes, and a codec.FormatError if the input is of another format. To go on after a line that is no document, cut with codec.SplitLines, and call [AppendBSON] in stream.Supervise.
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
			var free []byte // the unused end of an allocation, from which documents are cut
			one := func(line []byte) error {
				mark := 0 // bytes of it
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
					e := err.(*SyntaxError) //nolint:errorlint // it is no other
					e.Column += mark
					if l.count == 1 {
						e.Err = formatError(codec.TypeJSON, line, e.Err)
					}
					return e
				}
				switch {
				case !long:
					free = doc[len(doc):]
				case len(doc) < cap(doc)/4*3: // who keeps it is not to keep the length of its line
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

// isBlank tells whether a line has no document: white space alone, or null.
func isBlank(line []byte) bool {
	line = bytes.Trim(line, " \t\r\n")
	return len(line) == 0 || string(line) == "null"
}

// slack is the room after the largest document that spares the parser to look for more.
const parserSlack = 64

const byteOrderMark = "\uFEFF"
