package mongosource

import (
	"context"
	"errors"
	"slices"
	"unsafe"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/stream"
)

// A goroutine reads the replies of a cursor one after the other, so that it bounds how fast a
// pipeline can be on many cores. If it copies documents, this takes a third of its CPU time. With
// [stream.WithParallelism] several goroutines share the copying, or the validation, of a large batch.
const (
	maxCopiers = 4         // with more, the rest of the work matters more
	copierMin  = 128 << 10 // bytes of documents for a goroutine; less costs more to hand over
)

// copiers checks documents, and copies them out of the driver's replies. It has a slab for each
// goroutine, the caller's first.
type copiers struct {
	slabs   []slab
	inPlace bool // the documents are not copied
}

// newCopiers returns the copiers of a stage with n goroutines.
func newCopiers(n int) copiers { return copiers{slabs: make([]slab, min(max(n, 1), maxCopiers))} }

// own replaces docs, of size bytes together, by copies, or by themselves without the memory after
// them. It returns those before the first one that check refuses, and the error with its index in docs.
func (c copiers) own(ctx context.Context, docs []bson.Raw, size int,
	check func([]byte) *MalformedError,
) ([]bson.Raw, *MalformedError) {
	n := min(len(c.slabs), 1+size/copierMin)
	refused := make([]*MalformedError, n)
	part := func(i int) error {
		for at := len(docs) * i / n; at < len(docs)*(i+1)/n; at++ {
			if bad := check(docs[at]); bad != nil {
				bad.Index = int64(at)
				refused[i] = bad
				return nil
			}
			if c.inPlace {
				docs[at] = slices.Clip(docs[at])
			} else {
				docs[at] = c.slabs[i].clone(docs[at])
			}
		}
		return nil
	}
	g, _ := stream.NewGroup(ctx)
	for i := 1; i < n; i++ {
		g.Go(func() error { return part(i) })
	}
	_ = g.Do(func() error { return part(0) }) // no part returns an error
	for _, bad := range refused {
		if bad != nil {
			return docs[:bad.Index], bad
		}
	}
	return docs, nil
}

// errReused says that the driver's cursor has overwritten a document of the batch by a later one.
var errReused = stream.Mark(errors.New("the driver reuses the memory of a document"), stream.Fatal)

// follows reports whether doc lies after last in memory. The documents of a reply do. But the driver
// promises that one remains valid only until the next one, so a later version may reuse its memory.
func follows(doc, last bson.Raw) bool {
	address := func(d bson.Raw) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(d))) }
	return address(doc) >= address(last)+uintptr(len(last))
}
