package bsoncodec

import (
	"context"
	"io"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/internal/bsonwire"
	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/stream"
)

// ParseBSONOptions holds the options of [ParseBSON]. The zero value is valid.
type ParseBSONOptions struct {
	// Strict is [ValidateOptions].Strict.
	Strict bool
	// MaxDepth limits the levels of documents and arrays, 1 to 10,000. The default is 200.
	MaxDepth int
	// MaxDocument limits the bytes of a document, 1 to 2 GiB − 1. The default is 16 MiB + 16 KiB,
	// the limit of MongoDB's servers.
	MaxDocument int
}

// check sets the defaults and returns an error if an option is out of range.
func (o *ParseBSONOptions) check() error {
	if err := checkDepth(&o.MaxDepth); err != nil {
		return err
	}
	return checkSize(&o.MaxDocument)
}

// ParseBSON returns a flow that cuts a stream into documents, as [BSON] and mongodump write it, and
// checks each document as [Validate] does.
//
//   - In: byte chunks of any size.
//   - Out: documents. A document that lies within one chunk is a part of it: keeping it keeps the
//     chunk.
//   - Memory: one document, and half as much while it grows.
//   - Errors: [*DocumentError] with an Offset in the stream, which may wrap [ErrDepth], [ErrSize],
//     and io.ErrUnexpectedEOF if the stream ends inside a document. If the length of a document is
//     invalid, the document is not read and the error has no _id. If the stream has another format,
//     the cause is a codec.FormatError.
func ParseBSON(opts *ParseBSONOptions) stream.Flow[[]byte, bson.Raw] {
	var o ParseBSONOptions
	if opts != nil {
		o = *opts
	}
	return stream.FlowFunc[[]byte, bson.Raw](func(src stream.Source[[]byte]) stream.Source[bson.Raw] {
		o := o
		if err := o.check(); err != nil {
			return stream.Fail[bson.Raw](err)
		}
		return stream.SourceFunc[bson.Raw](func(ctx context.Context, emit func(bson.Raw) error) error {
			one := func(doc bson.Raw) error {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				return emit(doc)
			}
			check := streamChecker{validate: true, strict: o.Strict, maxDepth: o.MaxDepth, maxSize: o.MaxDocument}
			c := documentCutter{emit: one, check: check}
			if err := guarded.Each(ctx, src, c.push); err != nil {
				return err
			}
			return c.finish()
		})
	})
}

// documentCutter cuts a byte stream into documents.
type documentCutter struct {
	emit    func(bson.Raw) error
	check   streamChecker
	partial []byte // the beginning of an incomplete document
}

const maxInitialSize = 1 << 20 // bytes allocated for a document before more of it has arrived than its length

// push emits each document that chunk completes.
func (c *documentCutter) push(chunk []byte) error {
	for len(chunk) > 0 {
		if len(c.partial) > 0 || len(chunk) < bsonwire.LengthSize {
			var err error
			if chunk, err = c.extend(chunk); err != nil {
				return err
			}
			continue
		}
		n := bsonwire.Length(chunk, 0)
		if err := c.check.checkSize(n, nil); err != nil {
			return c.rejection(err, chunk)
		}
		if n > len(chunk) {
			c.partial = append(make([]byte, 0, min(n, maxInitialSize)), chunk...)
			return nil
		}
		if err := c.emitDocument(chunk[:n:n]); err != nil {
			return err
		}
		chunk = chunk[n:]
	}
	return nil
}

// extend adds bytes of chunk to the partial document. It returns the rest of chunk.
func (c *documentCutter) extend(chunk []byte) ([]byte, error) {
	if have := len(c.partial); have < bsonwire.LengthSize {
		k := min(bsonwire.LengthSize-have, len(chunk))
		c.partial, chunk = append(c.partial, chunk[:k]...), chunk[k:]
		if len(c.partial) < bsonwire.LengthSize {
			return nil, nil
		}
		if err := c.check.checkSize(bsonwire.Length(c.partial, 0), nil); err != nil {
			return nil, c.rejection(err, append(c.partial, chunk...))
		}
	}
	n := bsonwire.Length(c.partial, 0)
	k := min(n-len(c.partial), len(chunk))
	if need := len(c.partial) + k; need > cap(c.partial) { // double the memory, whatever the length says
		c.partial = append(make([]byte, 0, min(n, max(need, 2*cap(c.partial)))), c.partial...)
	}
	c.partial, chunk = append(c.partial, chunk[:k]...), chunk[k:]
	if len(c.partial) < n {
		return nil, nil
	}
	doc := c.partial[:n:n]
	c.partial = nil
	return chunk, c.emitDocument(doc)
}

// rejection returns the error of the document at the start of rest. If it is the first document,
// the stream may have another format.
func (c *documentCutter) rejection(err error, rest []byte) error {
	if e := err.(*DocumentError); c.check.passed == 0 { //nolint:errorlint // the checks return no other type
		e.Err = formatError(codec.TypeBSON, rest, e.Err)
	}
	return err
}

// emitDocument checks and emits a whole document.
func (c *documentCutter) emitDocument(doc []byte) error {
	if err := c.check.checkDocument(doc); err != nil {
		return c.rejection(err, doc)
	}
	return c.emit(doc)
}

// finish returns an error if the stream ends inside a document.
func (c *documentCutter) finish() error {
	if len(c.partial) == 0 {
		return nil
	}
	path, id := locate(c.partial, len(c.partial))
	return c.rejection(&DocumentError{
		Document: c.check.passed + 1, Offset: c.check.offset + int64(len(c.partial)),
		Path: path, ID: id, Err: io.ErrUnexpectedEOF,
	}, c.partial)
}
