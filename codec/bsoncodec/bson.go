package bsoncodec

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/internal/lend"
	"github.com/millweir/millweir/stream"
)

// BSONOptions holds the options of [BSON]. The zero value is valid.
type BSONOptions struct {
	// Validate checks every document as function [Validate] does. The default checks only its
	// length.
	Validate bool
	// Strict is [ValidateOptions].Strict. It needs Validate.
	Strict bool
	// ChunkSize is the number of bytes after which a chunk is emitted, 1 to 1 GiB. The default is
	// 64 KiB. 1 emits each document by itself.
	ChunkSize int
	// MaxDepth limits the levels of documents and arrays, 1 to 10,000. The default is 200. It needs
	// Validate.
	MaxDepth int
	// MaxDocument limits the bytes of a document, 1 to 2 GiB − 1. The default is 16 MiB + 16 KiB,
	// the limit of MongoDB's servers.
	MaxDocument int
}

// check sets the defaults and returns an error if an option is out of range.
func (o *BSONOptions) check() error {
	if err := checkRange("ChunkSize", &o.ChunkSize, defaultChunk, maxChunk); err != nil {
		return err
	}
	if err := checkDepth(&o.MaxDepth); err != nil {
		return err
	}
	return checkSize(&o.MaxDocument)
}

// BSON returns a flow that writes documents one after another without change, like the .bson files
// of mongodump. bsondump and mongorestore read them (https://bsonspec.org/spec.html).
//
//   - In: documents.
//   - Out: chunks of whole documents. A chunk is emitted when it reaches ChunkSize, and at the end
//     of the upstream. A document of ChunkSize or more is emitted by itself, without a copy.
//   - Ownership: chunks belong to the receiver. [stream.EachLent] and the sinks that use it get all
//     chunks in the same memory.
//   - Memory: one chunk of ChunkSize, and one document.
//   - Errors: [*DocumentError] for a document with a wrong length, or one that fails a requested
//     check.
func BSON(opts *BSONOptions) stream.Flow[bson.Raw, []byte] {
	var o BSONOptions
	if opts != nil {
		o = *opts
	}
	return stream.FlowFunc[bson.Raw, []byte](func(src stream.Source[bson.Raw]) stream.Source[[]byte] {
		o := o
		if err := o.check(); err != nil {
			return stream.Fail[[]byte](err)
		}
		return lend.Source(func(ctx context.Context, emit func([]byte) error, lent bool) error {
			c := chunkWriter{size: o.ChunkSize, emit: emit, lent: lent}
			check := streamChecker{validate: o.Validate, strict: o.Strict, maxDepth: o.MaxDepth, maxSize: o.MaxDocument}
			err := guarded.Each(ctx, src, func(doc bson.Raw) error {
				if err := check.checkDocument(doc); err != nil {
					return err
				}
				if len(doc) >= o.ChunkSize {
					if err := c.flush(); err != nil {
						return err
					}
					return emit(doc)
				}
				return c.add(doc)
			})
			if err != nil {
				return err
			}
			return c.flush()
		})
	})
}
