package bsoncodec

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/stream"
)

// ParseExtJSONOptions holds the options of [ParseExtJSON] and [AppendBSON]. The zero value is
// valid.
type ParseExtJSONOptions struct {
	// Parallelism is the number of goroutines of [ParseExtJSON] that parse. The default, 0, means
	// the number of [stream.WithParallelism], or none. -1 means none.
	Parallelism int
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
//     document of a line of more than 64 KiB has its own memory, at most a third more than its
//     size.
//   - Memory: the longest line, the buffer that it outgrew, and its document. The buffer of a line
//     of more than 4 MiB grows 32-fold at once, up to MaxLine. It is kept if the line fills a
//     quarter of it; otherwise the next one is a quarter larger than the line. The system usually
//     provides only what is used, but GOMEMLIMIT counts all. With Parallelism n, up to about 2n MiB
//     of lines and documents are in flight, or one larger line with a copy of it, within the budget
//     of the run.
//   - Goroutines: with Parallelism n, n parse and one runs the upstream. The order is kept. The
//     documents, and the first error with its location, are the same.
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
			n, err := stream.Parallelism(ctx, o.Parallelism)
			if err != nil {
				return err
			}
			if n > 0 {
				return parseBatches(ctx, src, o, n, emit)
			}
			p := newLineParser(o, func(doc bson.Raw) error {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				return emit(doc)
			})
			if err := guarded.EachLent(ctx, src, p.push); err != nil {
				return err
			}
			return p.finish()
		})
	})
}
