package bsoncodec

import (
	"context"
	"encoding/binary"
	"io"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/stream"
)

// ParseBSONOptions tunes [ParseBSON]. The zero value is ready to use.
type ParseBSONOptions struct {
	Strict      bool // [ValidateOptions].Strict
	MaxDepth    int  // levels of documents and arrays, at least 1; 0 means 200
	MaxDocument int  // bytes of a document; 0 means 16 MiB + 16 KiB, as the servers have it
}

// check tells whether the settings make sense, and completes them.
func (o *ParseBSONOptions) check() error {
	if err := checkDepth(&o.MaxDepth); err != nil {
		return err
	}
	return checkSize(&o.MaxDocument)
}

// ParseBSON returns a flow that cuts a stream of documents, as [BSON] and mongodump write it, and checks each as [Validate] does.
//
//   - In: byte chunks of any size, cut anywhere.
//   - Out: documents. One that lies whole in a chunk is a part of it: who keeps it keeps the chunk.
//   - Memory: one document, and half as much while it grows.
//   - Errors: [*DocumentError], whose Offset is that of the stream, with [ErrDepth] and [ErrSize] among the causes, and
//     io.ErrUnexpectedEOF when the stream ends inside a document. A document whose length is refused is not read: its error has
//     no _id. If the stream is of another format, a codec.FormatError is the cause.
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
			c := documentCutter{emit: one, check: streamChecker{validate: true, strict: o.Strict, maxDepth: o.MaxDepth, maxSize: o.MaxDocument}}
			if err := guarded.Each(ctx, src, c.push); err != nil {
				return err
			}
			return c.finish()
		})
	})
}

// cutter cuts a stream of documents.
type documentCutter struct {
	emit    func(bson.Raw) error
	check   streamChecker
	partial []byte // the beginning of a document that is not whole yet
}

const (
	lengthSize     = 4       // bytes of a document's length
	maxInitialSize = 1 << 20 // bytes that are taken for a document because of its length alone
)

// feed emits every document that chunk completes.
func (c *documentCutter) push(chunk []byte) error {
	for len(chunk) > 0 {
		if len(c.partial) > 0 || len(chunk) < lengthSize {
			var err error
			if chunk, err = c.extend(chunk); err != nil {
				return err
			}
			continue
		}
		n := int(int32(binary.LittleEndian.Uint32(chunk)))
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

// fill adds to the document in hand what chunk has of it, and returns what it leaves.
func (c *documentCutter) extend(chunk []byte) ([]byte, error) {
	if have := len(c.partial); have < lengthSize {
		k := min(lengthSize-have, len(chunk))
		c.partial, chunk = append(c.partial, chunk[:k]...), chunk[k:]
		if len(c.partial) < lengthSize {
			return nil, nil
		}
		if err := c.check.checkSize(int(int32(binary.LittleEndian.Uint32(c.partial))), nil); err != nil {
			return nil, c.rejection(err, append(c.partial, chunk...))
		}
	}
	n := int(binary.LittleEndian.Uint32(c.partial))
	k := min(n-len(c.partial), len(chunk))
	if need := len(c.partial) + k; need > cap(c.partial) { // twice as much as there was, whatever the length says
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

// refused returns an error for the document at the beginning of rest. A first one may be a stream of another format.
func (c *documentCutter) rejection(err error, rest []byte) error {
	if e := err.(*DocumentError); c.check.passed == 0 { //nolint:errorlint // it is no other
		e.Err = formatError(codec.TypeBSON, rest, e.Err)
	}
	return err
}

// pass emits a whole document.
func (c *documentCutter) emitDocument(doc []byte) error {
	if err := c.check.checkDocument(doc); err != nil {
		return c.rejection(err, doc)
	}
	return c.emit(doc)
}

// end tells whether the stream may end here.
func (c *documentCutter) finish() error {
	if len(c.partial) == 0 {
		return nil
	}
	path, id := locate(c.partial, len(c.partial))
	return c.rejection(&DocumentError{
		Document: c.check.passed + 1, Offset: c.check.offset + int64(len(c.partial)), Path: path, ID: id, Err: io.ErrUnexpectedEOF,
	}, c.partial)
}
