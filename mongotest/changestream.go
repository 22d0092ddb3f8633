package mongotest

import (
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

const awaitTime = time.Second // of a getMore without maxTimeMS

// changeStream is the state of a cursor that reads the change log.
type changeStream struct {
	db, coll string   // the target; "" means all
	at       token    // of the last event returned
	match    bson.Raw // the $match stages of the pipeline, joined
	split    bool     // the pipeline ends with $changeStreamSplitLargeEvent
	ended    bool     // by an invalidation
}

// isChangeStream reports whether a pipeline begins with $changeStream.
func isChangeStream(req *request) bool {
	pipeline, _ := req.body.Lookup("pipeline").ArrayOK()
	first, err := pipeline.IndexErr(0)
	if err != nil {
		return false
	}
	name, _, _ := only(first)
	return name == "$changeStream"
}

// openChanges opens a change stream.
func (s *Server) openChanges(req *request) bson.Raw {
	pipeline, _ := req.body.Lookup("pipeline").ArrayOK()
	stages, _ := pipeline.Values()
	_, settings, _ := only(stages[0])
	s.changes.begun = true
	c := &changeStream{db: req.db, at: token{s.changes.last(), highWater}}
	c.coll, _ = req.body.Index(0).Value().StringValueOK()
	ns := c.db + "." + c.coll
	if c.coll == "" {
		ns = c.db + ".$cmd.aggregate"
	}
	o, _ := settings.DocumentOK()
	if all, _ := o.Lookup("allChangesForCluster").BooleanOK(); all {
		c.db = ""
	}
	if bad := c.pipeline(stages[1:]); bad != nil {
		return bad
	}
	for _, field := range []string{"resumeAfter", "startAfter"} {
		v, err := o.LookupErr(field)
		if err != nil {
			continue
		}
		if bad := c.resume(&s.changes, v, field == "startAfter"); bad != nil {
			return bad
		}
	}
	size, given := integer(bson.Raw(req.body.Lookup("cursor").Value), "batchSize")
	if !given {
		size = firstBatch
	}
	s.nextID++
	s.cursors[s.nextID] = &cursor{ns: ns, changes: c, session: req.session()}
	return s.changeBatch("firstBatch", s.nextID, size)
}

// pipeline reads the stages after $changeStream.
func (c *changeStream) pipeline(stages []bson.RawValue) bson.Raw {
	for i, stage := range stages {
		name, v, ok := only(stage)
		switch {
		case ok && name == "$match" && v.Type == bson.TypeEmbeddedDocument && c.match == nil:
			c.match = v.Value
		case ok && name == "$changeStreamSplitLargeEvent" && i == len(stages)-1:
			c.split = true
		default:
			return failure(2, "mongotest: after $changeStream it only knows $match and $changeStreamSplitLargeEvent")
		}
	}
	_, err := match(nil, c.match)
	if err != nil {
		return failure(2, err.Error())
	}
	return nil
}

// resume sets the place after which the stream begins.
func (c *changeStream) resume(l *changeLog, v bson.RawValue, startAfter bool) bson.Raw {
	const invalidResumeToken = 260
	at, ok := parseToken(v)
	switch {
	case !ok || at.number > l.last():
		return failure(invalidResumeToken, "the resume token is not one of this server")
	case at.part == invalidation && !startAfter:
		return failure(invalidResumeToken, "attempting to resume a change stream from an invalidate token")
	case at.part == invalidation:
		at.part = highWater
	}
	needed := at.number // the event itself must be in the log
	if at.part == highWater {
		needed++
	}
	if needed < l.first && !l.silent {
		return historyLost()
	}
	c.at = at
	return nil
}

func historyLost() bson.Raw {
	const changeStreamHistoryLost = 286
	return failure(changeStreamHistoryLost, "resume point may no longer be in the oplog",
		"NonResumableChangeStreamError")
}

// sees reports whether the stream returns an entry of the log.
func (c *changeStream) sees(e change) bool {
	return (c.db == "" || c.db == e.db) && (c.coll == "" || c.coll == e.coll)
}

// ends reports whether the stream ends after the entry: its target is gone.
func (c *changeStream) ends(e change) bool {
	var operation string
	for _, field := range e.event {
		if field.Key == "operationType" {
			operation, _ = field.Value.(string)
		}
	}
	switch operation {
	case "drop", "rename":
		return c.coll != ""
	case "dropDatabase":
		return c.db != ""
	}
	return false
}

// changeBatch returns the reply with the next events of a change stream. There is none if nothing
// has changed.
func (s *Server) changeBatch(field string, id int64, size int) bson.Raw {
	cur := s.cursors[id]
	c := cur.changes
	events, bad := c.take(&s.changes, size)
	if bad != nil || c.ended {
		delete(s.cursors, id)
		id = 0
	}
	if bad != nil {
		return bad
	}
	return document(bson.D{
		{Key: "cursor", Value: bson.D{
			{Key: field, Value: events},
			{Key: "id", Value: id},
			{Key: "ns", Value: cur.ns},
			{Key: "postBatchResumeToken", Value: c.at.document()},
		}},
		ok,
	})
}

// take returns the next events, at most size and 16 MiB of them. bad is the reply of a stream that
// cannot go on; the events before that are returned first.
func (c *changeStream) take(l *changeLog, size int) (events bson.A, bad bson.Raw) {
	events = bson.A{}
	for bytes := 0; len(events) < size && !c.ended; {
		before := c.at
		event, bad := c.next(l)
		switch {
		case bad != nil && len(events) == 0:
			return nil, bad
		case bad != nil || len(events) > 0 && bytes+len(event) > batchBytes:
			c.at = before
			return events, nil
		case event == nil:
			return events, nil
		}
		events, bytes = append(events, event), bytes+len(event)
	}
	return events, nil
}

// next returns the next event and moves the stream after it. If there is none, it returns nil and
// moves the stream to the end of the log. bad is the reply of a stream that cannot go on.
func (c *changeStream) next(l *changeLog) (event, bad bson.Raw) {
	for {
		n, part := c.at.number, c.at.part+1
		if c.at.part == highWater {
			n, part = n+1, wholeEvent
		}
		switch {
		case n > l.last():
			c.at = token{l.last(), highWater}
			return nil, nil
		case n < l.first && l.silent:
			c.at = token{l.first - 1, highWater}
			continue
		case n < l.first:
			return nil, historyLost()
		}
		entry := l.entries[n-l.first]
		if !c.sees(entry) {
			c.at = token{n, highWater}
			continue
		}
		events, tooLarge := l.fragments(n, entry.event, c.split)
		switch {
		case tooLarge:
			return nil, failure(10334, "BSONObj size is invalid", "NonResumableChangeStreamError")
		case part < len(events) && c.matches(entry.event):
			c.at = token{n, part}
			return events[part], nil
		case part < len(events):
			c.at = token{n, len(events) - 1}
		case c.ends(entry):
			c.at, c.ended = token{n, invalidation}, true
			return document(bson.D{
				{Key: "_id", Value: c.at.document()},
				{Key: "operationType", Value: "invalidate"},
			}), nil
		default:
			c.at = token{n, highWater}
		}
	}
}

// matches reports whether an event passes the pipeline.
func (c *changeStream) matches(event bson.D) bool {
	found, err := match([]bson.Raw{document(event)}, c.match)
	return err == nil && len(found) > 0
}

// fragments returns the event of a change, in several fragments if it is large and may be split.
func (l *changeLog) fragments(n int64, event bson.D, split bool) (events []bson.Raw, tooLarge bool) {
	whole := document(append(bson.D{{Key: "_id", Value: token{n, wholeEvent}.document()}}, event...))
	switch {
	case len(whole) <= l.largest:
		return []bson.Raw{whole}, false
	case !split:
		return nil, true
	}
	for i, field := range event {
		events = append(events, document(bson.D{
			{Key: "_id", Value: token{n, i}.document()},
			{Key: "splitEvent", Value: bson.D{
				{Key: "fragment", Value: int32(i + 1)}, {Key: "of", Value: int32(len(event))},
			}},
			field,
		}))
	}
	return events, false
}

// awaitChanges waits, for a getMore of a change stream that has nothing to return, until it has, or
// until the time of the command is over. s.mu is not held.
func (s *Server) awaitChanges(req *request) {
	if req.name != "getMore" {
		return
	}
	id, _ := req.body.Index(0).Value().AsInt64OK()
	limit := awaitTime
	if ms, given := integer(req.body, "maxTimeMS"); given {
		limit = time.Duration(ms) * time.Millisecond
	}
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	for {
		s.mu.Lock()
		grown, waits := s.changes.grown, s.waits(id)
		s.mu.Unlock()
		if !waits {
			return
		}
		select {
		case <-grown:
		case <-timeout.C:
			return
		case <-s.ended:
			return
		}
	}
}

// waits reports whether a cursor is a change stream that has nothing to return. s.mu is held.
func (s *Server) waits(id int64) bool {
	c := s.cursors[id]
	if c == nil || c.changes == nil {
		return false
	}
	peek := *c.changes
	event, bad := peek.next(&s.changes)
	return event == nil && bad == nil
}
