package backup

import (
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/source/mongosource"
)

// times says when documents were read.
type times struct {
	ended       time.Time      // by the writer's clock
	first, last bson.Timestamp // of the snapshots; zero if there is none
	after       bson.Timestamp // of the server, after the last document was read
}

// merge makes t span the times u too.
func (t *times) merge(u times) {
	if u.ended.After(t.ended) {
		t.ended = u.ended
	}
	zero := bson.Timestamp{}
	if t.first == zero || u.first != zero && u.first.Before(t.first) {
		t.first = u.first
	}
	if u.last.After(t.last) {
		t.last = u.last
	}
	if u.after.After(t.after) {
		t.after = u.after
	}
}

// bounds returns the cluster times between which the documents of a plan were read.
func (t *times) bounds(p *plan) (first, last Timestamp) {
	if p.Consistency == mongosource.Fuzzy.String() || t.first == (bson.Timestamp{}) {
		return timestamp(p.First), timestamp(t.after)
	}
	return timestamp(t.first), timestamp(t.last)
}
