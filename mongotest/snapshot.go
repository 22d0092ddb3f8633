package mongotest

import (
	"cmp"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// version is what a collection held from a time on.
type version struct {
	from bson.Timestamp
	docs []bson.Raw
}

// view is what a command reads.
type view struct {
	docs []bson.Raw
	at   bson.Timestamp // the time of a snapshot; zero for other reads

	session string // of the command
}

// changed records that c was changed. Every change needs it, so that snapshots see the state before.
// A change must not overwrite the elements of c.docs: earlier versions and open cursors share them.
func (s *Server) changed(c *collection) {
	c.versions = append(c.versions, version{s.tick(), c.docs[:len(c.docs):len(c.docs)]})
}

// tick advances the server's clock and returns its time.
func (s *Server) tick() bson.Timestamp {
	s.ticks++
	s.clock = bson.Timestamp{T: max(s.clock.T, uint32(time.Now().Unix())), I: s.ticks}
	return s.clock
}

// Now returns the time of the last change, as the cluster time of a snapshot.
func (s *Server) Now() bson.Timestamp {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clock
}

// ForgetSnapshots makes every time before now too old for a snapshot, as 5 minutes do on a real
// server. A snapshot read at such a time fails with SnapshotTooOld (239), and so do the open cursors
// of snapshots.
func (s *Server) ForgetSnapshots() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.oldest = s.tick()
}

// IgnoreSnapshots makes the server accept snapshot reads and answer with the present documents, as
// some servers do. Its replies state the present time, or no time at all if silent is true.
func (s *Server) IgnoreSnapshots(silent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blind, s.silent = true, silent
}

// view returns what a find or an aggregate reads of a collection: the present documents, or those at
// the time of its read concern.
func (s *Server) view(req *request, ns string) (v view, refusal bson.Raw) {
	c, stages, refusal := s.below(ns)
	if refusal != nil {
		return v, refusal
	}
	if c != nil && c.made != nil && (len(stages) > 0 || s.data[ns] != c) {
		return v, failure(2, "mongotest: a view of a generated collection is not supported")
	}
	v, refusal = s.read(req, c)
	if refusal != nil || len(stages) == 0 {
		return v, refusal
	}
	v.docs, refusal = s.pipeline(ns, v.docs, stages)
	return v, refusal
}

// read returns the documents of c, which is nil if the collection does not exist.
func (s *Server) read(req *request, c *collection) (v view, refusal bson.Raw) {
	v.session = req.session()
	if c != nil {
		v.docs = c.docs
	}
	concern, _ := req.body.Lookup("readConcern").DocumentOK()
	if level, _ := concern.Lookup("level").StringValueOK(); level != "snapshot" {
		return v, nil
	}
	if s.blind {
		if !s.silent {
			v.at = s.clock
		}
		return v, nil
	}
	v.at = s.clock
	if t, i, given := concern.Lookup("atClusterTime").TimestampOK(); given {
		v.at = bson.Timestamp{T: t, I: i}
	}
	const invalidOptions, snapshotTooOld = 72, 239
	switch {
	case compareTimes(v.at, s.clock) > 0:
		return v, failure(invalidOptions, fmt.Sprintf(
			"readConcern atClusterTime value must not be greater than the current clusterTime: %v", v.at))
	case compareTimes(v.at, s.oldest) < 0:
		return v, failure(snapshotTooOld, fmt.Sprintf("Read timestamp %v is older than the oldest available timestamp.",
			v.at))
	}
	v.docs = nil
	for i := 0; c != nil && i < len(c.versions) && compareTimes(c.versions[i].from, v.at) <= 0; i++ {
		v.docs = c.versions[i].docs
	}
	return v, nil
}

func compareTimes(a, b bson.Timestamp) int {
	return cmp.Or(cmp.Compare(a.T, b.T), cmp.Compare(a.I, b.I))
}

// openCursor opens a cursor over docs, which were read from v, and returns the reply with the first
// ones.
func (s *Server) openCursor(v view, ns string, docs []bson.Raw, size int) bson.Raw {
	s.nextID++
	reply, taken := batchAt("firstBatch", ns, s.nextID, docs, size, v.at)
	if taken < len(docs) {
		s.cursors[s.nextID] = &cursor{ns: ns, docs: docs[taken:], at: v.at, session: v.session}
	}
	return reply
}
