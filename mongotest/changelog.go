package mongotest

import (
	"fmt"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// changeLog holds the changes in order, as an oplog does. Change streams read it. It begins with the
// first change stream or AddChange, so that a server without change streams does not keep every
// document.
type changeLog struct {
	begun   bool // entries are added from now on
	entries []change
	first   int64         // the number of entries[0]; the first change ever is 1
	keep    int           // the most entries; 0 means all
	silent  bool          // streams skip entries that are gone
	largest int           // bytes of an event
	grown   chan struct{} // closed when an entry is added
}

// change is one entry of the log.
type change struct {
	db, coll string // coll is empty for a change of the whole database
	event    bson.D // without its _id
}

func newChangeLog() changeLog {
	return changeLog{first: 1, largest: MaxInternalBytes, grown: make(chan struct{})}
}

// last returns the number of the last entry, or that before the first one.
func (l *changeLog) last() int64 { return l.first + int64(len(l.entries)) - 1 }

func (l *changeLog) add(c change) {
	l.entries = append(l.entries, c)
	l.trim()
	close(l.grown)
	l.grown = make(chan struct{})
}

// trim drops the oldest entries that are too many.
func (l *changeLog) trim() {
	if n := len(l.entries) - l.keep; l.keep > 0 && n > 0 {
		l.entries = slices.Clone(l.entries[n:])
		l.first += int64(n)
	}
}

// AddChange adds an event to the change log, for the change streams of a collection, its database
// and the deployment. coll is empty for a change of the whole database. The event has no _id; a
// missing ns, clusterTime or wallTime is added.
func (s *Server) AddChange(db, coll string, event bson.D) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes.begun = true
	s.logChange(db, coll, event)
}

// KeepChanges limits the change log to the last n changes. Older ones are dropped, as an oplog drops
// them: a change stream that still needs one fails with ChangeStreamHistoryLost (286). 0 keeps all
// changes from now on.
func (s *Server) KeepChanges(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes.keep = n
	s.changes.trim()
}

// SkipLostChanges makes change streams skip changes that are gone, without an error, as some servers
// do.
func (s *Server) SkipLostChanges() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes.silent = true
}

// LimitEvents limits the events of change streams to n bytes, instead of MaxInternalBytes. A larger
// one fails with BSONObjectTooLarge (10334), unless the pipeline ends with
// $changeStreamSplitLargeEvent.
func (s *Server) LimitEvents(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes.largest = n
}

// logChange adds an event to the log, if a change stream was ever opened. s.mu is held.
func (s *Server) logChange(db, coll string, event bson.D) {
	if !s.changes.begun {
		return
	}
	has := func(key string) bool {
		return slices.ContainsFunc(event, func(e bson.E) bool { return e.Key == key })
	}
	event = slices.Clone(event)
	if !has("clusterTime") {
		event = append(event, bson.E{Key: "clusterTime", Value: s.tick()})
	}
	if !has("wallTime") {
		event = append(event, bson.E{Key: "wallTime", Value: bson.NewDateTimeFromTime(time.Now())})
	}
	if !has("ns") {
		ns := bson.D{{Key: "db", Value: db}}
		if coll != "" {
			ns = append(ns, bson.E{Key: "coll", Value: coll})
		}
		event = append(event, bson.E{Key: "ns", Value: ns})
	}
	s.changes.add(change{db: db, coll: coll, event: event})
}

// logInsert adds the insert of doc to the log. s.mu is held.
func (s *Server) logInsert(c *collection, doc bson.Raw) {
	s.logChange(c.db, c.name, bson.D{
		{Key: "operationType", Value: "insert"},
		{Key: "fullDocument", Value: doc},
		{Key: "documentKey", Value: bson.D{{Key: "_id", Value: doc.Lookup("_id")}}},
	})
}

// A token says which change a stream has reached: the number of the change, and the part of it. It
// has the form of a server's token: {_data: "…"}, hexadecimal digits in the order of the log.
type token struct {
	number int64
	part   int
}

const (
	wholeEvent   = 0    // also the first fragment of a split event
	invalidation = 0xfe // the end of the stream after the change
	highWater    = 0xff // everything up to the change was returned or does not match
)

func (t token) document() bson.D {
	return bson.D{{Key: "_data", Value: fmt.Sprintf("%016X%02X", t.number, t.part)}}
}

// parseToken reads a token of document.
func parseToken(v bson.RawValue) (t token, ok bool) {
	doc, _ := v.DocumentOK()
	data, isText := doc.Lookup("_data").StringValueOK()
	if !isText || len(data) != 18 {
		return t, false
	}
	n, err := fmt.Sscanf(data, "%016X%02X", &t.number, &t.part)
	return t, err == nil && n == 2
}
