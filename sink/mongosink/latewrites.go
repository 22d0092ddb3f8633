package mongosink

import (
	"errors"
	"fmt"
	"hash/maphash"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// A server may execute a lost attempt late: after the attempt that repeated it, and after later
// batches of the run. In an ordered run it would overturn a later write to the same document, so that
// write is not sent. If both are retryable writes of one session, it is sent: its number is higher,
// and after it the server refuses the lost attempt. In a flow, each batch has its own session, so no
// later batch supersedes a lost attempt.

// lateWrites has the documents that the lost attempts of an ordered run may still write. The batches
// of a flow share it: each is a run of its own.
type lateWrites struct {
	lost     bool  // there is such an attempt
	changes  bool  // one of them does not only insert
	overflow bool  // they have more documents than ids holds
	all      error // not nil if they may overturn any write

	kind collectionKind
	seed maphash.Seed
	ids  map[uint64]bool // by the hash of their _ids; the value reports whether they are only inserted
}

// maxLateWrites limits the documents that are kept, to some 4 MiB. With more, every later batch counts
// as overturned, except for inserts after lost inserts.
const maxLateWrites = 100_000

// note adds the documents of b, because the server may still execute a lost attempt to send b. It
// returns an error if that attempt may overturn the rest of b, or any write of later batches.
func (l *lateWrites) note(b *batch, kind collectionKind, onlyInserts bool) error {
	if l.ids == nil {
		l.seed, l.ids = maphash.MakeSeed(), map[uint64]bool{}
	}
	l.lost, l.kind = true, kind
	l.changes = l.changes || b.verb != inserts
	switch {
	case kind.unknown:
		return errors.New("the server does not say whether the collection is capped")
	case kind.capped:
		return errors.New("a late insert may replace newer documents of a capped collection")
	case onlyInserts:
		return nil
	case !b.idempotent():
		return errors.New("it has writes that are not by _id")
	}
	own := make(map[uint64]bool, len(b.statements))
	for i := range b.statements {
		id := l.key(b.id(i))
		if own[id] && b.verb != inserts {
			return errors.New("it writes one document twice, and may be executed in part later")
		}
		own[id] = true
		inserted, known := l.ids[id]
		if !known && len(l.ids) == maxLateWrites {
			l.overflow = true
			continue // the rest must still be compared with own
		}
		l.ids[id] = b.verb == inserts && (inserted || !known)
	}
	return nil
}

// overturns returns the first statement of b that a late write may overturn, and why, or nil.
func (l *lateWrites) overturns(b *batch) (statement int, why error) {
	if !l.lost || b.verb == inserts && !l.changes {
		return 0, nil // a late insert changes no document that a later insert stores
	}
	for i, st := range b.statements {
		switch {
		case l.overflow:
			return i, fmt.Errorf("the replies to earlier ones to more than %d documents were lost", maxLateWrites)
		case b.verb != inserts && !st.byID:
			return i, errors.New("the reply to an earlier one was lost, and this one may change the same document")
		}
		if inserted, known := l.ids[l.key(b.id(i))]; known && !(inserted && b.verb == inserts) {
			return i, errors.New("the reply to an earlier one to the same document was lost")
		}
	}
	return 0, nil
}

// key returns a hash of an _id. It is the same for all _ids that a server may take for equal.
func (l *lateWrites) key(id bson.RawValue) uint64 {
	return maphash.Bytes(l.seed, appendComparable(nil, id, l.kind.collated, 0))
}
