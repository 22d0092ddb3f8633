package backup

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// DocumentsOptions tunes [View.Documents]. The zero value emits all documents.
type DocumentsOptions struct {
	// From is the first _id and To the end, which is not included. They are compared in MongoDB's
	// order of values of all types. nil means no bound. They are values that marshal to BSON.
	// Strings are compared byte by byte, also if the collection has a collation. A range that no _id
	// is in is an error: [ErrEmptyRange].
	From, To any

	// Filter reports whether a document is emitted. nil means all of them. Its error ends the run.
	Filter func(doc bson.Raw) (bool, error)

	// VerifyFirst emits the documents of a segment after the whole catalog and the whole segment
	// were read and verified. It needs memory for the documents of a segment, usually 32 MiB, and
	// at most the next document more.
	VerifyFirst bool
}

// Documents returns a source of the documents of a collection, byte for byte, in the order of their
// _ids if the backup has them in that order.
//
//   - Only the segments that can have an _id of the range are fetched.
//   - A run that returns nil has proved that these segments and the catalog belong to the backup.
//     Do not use the documents of a run that fails, except with VerifyFirst.
//   - Memory: one chunk and one document, whatever the size. See VerifyFirst.
//   - Errors: [ErrNoCollection], [ErrDamaged], [ErrNotFound], and those of the store and the codecs.
func (v *View) Documents(ns mongosource.Namespace, opts *DocumentsOptions) stream.Source[bson.Raw] {
	o := DocumentsOptions{}
	if opts != nil {
		o = *opts
	}
	return stream.SourceFunc[bson.Raw](func(ctx context.Context, emit func(bson.Raw) error) error {
		n, err := v.collection(ns)
		if err != nil {
			return failed("documents", err)
		}
		ids, err := newIDRange(o.From, o.To)
		if err != nil {
			return failed("documents", err)
		}
		if o.VerifyFirst {
			if _, _, err := v.survey(ctx, n); err != nil {
				return err
			}
		}
		docs := stream.Via(v.touched(n, ids), stream.ConcatMap(func(s Segment) stream.Source[bson.Raw] {
			if o.VerifyFirst {
				return verifiedFirst(v.documents(n, s, newTally), s.Bytes)
			}
			return v.documents(n, s, newTally)
		}))
		return stream.Via(docs, choose(ids, o.Filter)).Each(ctx, emit)
	})
}

// touched returns a source of the segments of the n-th collection that can have an _id of the range.
func (v *View) touched(n int, ids idRange) stream.Source[Segment] {
	return stream.SourceFunc[Segment](func(ctx context.Context, emit func(Segment) error) error {
		ordered := false
		return v.rows(n).Each(ctx, func(row catalogRow) error {
			switch {
			case row.head != nil:
				ordered = row.head.inIDOrder()
				return nil
			case ordered && !ids.touches(row.segment):
				return nil
			}
			return emit(*row.segment)
		})
	})
}

// choose returns a flow of the documents whose _id is in the range and that the filter chooses.
func choose(ids idRange, filter func(bson.Raw) (bool, error)) stream.Flow[bson.Raw, bson.Raw] {
	return stream.NewFlow(func(ctx context.Context, src stream.Source[bson.Raw], emit func(bson.Raw) error) error {
		return src.Each(ctx, func(doc bson.Raw) error {
			if !ids.has(doc) {
				return nil
			}
			if filter != nil {
				if ok, err := filter(doc); !ok || err != nil {
					return err
				}
			}
			return emit(doc)
		})
	})
}

// verifiedFirst returns a source that runs docs to the end before it emits the first document. All
// documents have size bytes.
func verifiedFirst(docs stream.Source[bson.Raw], size int64) stream.Source[bson.Raw] {
	return stream.SourceFunc[bson.Raw](func(ctx context.Context, emit func(bson.Raw) error) error {
		var held []bson.Raw
		err := docs.Each(ctx, func(doc bson.Raw) error {
			if size -= int64(len(doc)); size < 0 {
				return damaged("a segment has more documents than the catalog says")
			}
			held = append(held, doc)
			return nil
		})
		if err != nil {
			return err
		}
		for _, doc := range held {
			if err := emit(doc); err != nil {
				return err
			}
		}
		return nil
	})
}
