package bsoncodec

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/internal/lend"
	"github.com/millweir/millweir/stream"
)

// BSONOptions tunes [BSON]. The zero value is ready to use.
type BSONOptions struct {
	Validate    bool // check every document as [Validate] does; false means its length alone
	Strict      bool // with Validate: [ValidateOptions].Strict
	ChunkSize   int  // bytes after which a chunk is emitted, at least 1; 0 means 64 KiB; 1 emits every document by itself
	MaxDepth    int  // with Validate: levels of documents and arrays, at least 1; 0 means 200
	MaxDocument int  // bytes of a document; 0 means 16 MiB + 16 KiB, as the servers have it
}

// check tells whether the settings make sense, and completes them.
func (o *BSONOptions) check() error {
	if err := checkRange("ChunkSize", &o.ChunkSize, defaultChunk, maxChunk); err != nil {
		return err
	}
	if err := checkDepth(&o.MaxDepth); err != nil {
		return err
	}
	return checkSize(&o.MaxDocument)
}

// BSON returns a flow that writes documents one after the other as they are, like the .bson files of mongodump, which bsondump and
// mongorestore read (https://bsonspec.org/spec.html).
//
//   - In: documents.
//   - Out: chunks of whole documents. Documents are collected until ChunkSize is reached; the rest comes when the upstream ends.
//     A document of ChunkSize or more is emitted by itself, without a copy.
//   - Ownership: chunks are the receiver's; to [stream.EachLent] and the sinks that use it, all are lent in the same memory.
//   - Memory: one chunk of ChunkSize, and one document.
//   - Errors: [*DocumentError] for a document whose length is not its own, or that fails the checks asked for.
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
