package mongosource

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/internal/mongowait"
)

// changeStream is one change stream on the server.
type changeStream struct {
	run   *watchRun
	cs    *mongo.ChangeStream
	id    int64 // of the cursor on the server
	size  int32 // events asked for in a reply
	bytes int   // of the last batch

	at     ChangePosition // after the last whole event
	expect string         // the token of the event that must come again first; "" if it has come
	empty  int            // replies without an event while one must come again
	joiner eventJoiner
	mem    slab

	opened time.Time // before the request whose reply is the first batch; zero after this batch
	headAt time.Time // the last time that the stream had caught up
	began  bool      // at now, and the server gave the position
	moved  bool      // it has made progress, so that it may be opened again without an endless loop
	cut    bool      // the context ended during a request
	broken bool      // the driver panicked, so it may still hold a lock
}

// open opens a stream at a position. If the position knows the token before its event, the stream
// begins there, and must first return this event again.
func (r *watchRun) open(ctx context.Context, at ChangePosition) (*changeStream, error) {
	s := &changeStream{run: r, at: at, size: r.batchSize()}
	o := r.opts.driver()
	switch {
	case at.after == "":
		s.headAt = time.Now()
	case at.invalidated:
		o.SetStartAfter(bson.Raw(at.after))
	case at.before != "" && r.opts.readsAgain():
		o.SetResumeAfter(bson.Raw(at.before))
		s.expect = at.after
	default:
		o.SetResumeAfter(bson.Raw(at.after))
	}
	if s.expect != "" {
		s.size++
	}
	o.SetBatchSize(s.size)
	longer, done := opening(ctx)
	defer done()
	s.opened = time.Now()
	err := guarded(func() (err error) {
		s.cs, err = r.target.Watch(longer, r.pipeline, o)
		return err
	})
	switch {
	case err == nil && s.cs != nil && ctx.Err() != nil:
		s.close(ctx)
		return nil, context.Cause(ctx)
	case err != nil && ctx.Err() != nil && !mongoerr.Panicked(err):
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, r.fail(classifyWatch(r.probe.explain(ctx, err)))
	case s.cs == nil:
		return nil, r.invalid(errors.New("the target returned neither a change stream nor an error"))
	}
	s.at.target = r.name
	s.id = s.cs.ID()
	if token := s.cs.ResumeToken(); at.after == "" && len(token) > 0 {
		s.at, s.began = s.at.idle(string(token)), true
	}
	return s, nil
}

// errBehind says that the stream must be opened again before more is read.
var errBehind = errors.New("the stream is behind")

// next returns the next events, which the caller owns. It returns none if nothing has changed; the
// position may have moved even then. It drops a full reply of a cursor that had caught up, and a late
// reply, and returns errBehind, because a cursor may skip events when many come at once or when it
// lags.
func (s *changeStream) next(ctx context.Context) (docs []bson.Raw, err error) {
	first := !s.opened.IsZero() // the reply to the opening, which begins at a proven place
	asked := cmp.Or(s.opened, time.Now())
	s.opened = time.Time{}
	read, full, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	if !first && s.late() {
		s.run.late++
		return nil, errBehind
	}
	if !first { // the reply to an opening is never late, so it does not say how slow the server is
		s.run.late = 0
	}
	switch {
	case !full:
		s.headAt = asked
	case s.moved && !s.headAt.IsZero() && s.at.after != "":
		return nil, errBehind
	}
	if docs, err = s.whole(read); err != nil {
		return nil, s.run.fail(err)
	}
	if docs, err = s.readAgain(docs); err != nil {
		return nil, s.run.fail(err)
	}
	switch {
	case len(docs) > 0:
		s.advance(docs)
	case s.expect != "" || s.joiner.pending():
	case !full: // nothing came, or only the event that had to come again
		s.rest()
	}
	return docs, nil
}

// behind reports whether the stream must be opened again before it reads on, because changes that it
// has not read may have left the log.
func (s *changeStream) behind() bool {
	return s.moved && !s.joiner.pending() && s.at.after != "" && time.Since(s.headAt) > s.run.opts.ReopenAfter
}

// late reports whether the cursor may have lagged when the server carried out the last request, which
// may have waited for a free connection before. The limit doubles after each late reply, so that a
// server that is always slow does not stop the stream.
func (s *changeStream) late() bool {
	const (
		defaultAwait = time.Second
		longest      = 30 * 24 * time.Hour // so that the limit cannot overflow
	)
	limit := min(max(s.run.opts.ReopenAfter, 0), longest) + min(cmp.Or(s.run.opts.MaxAwait, defaultAwait), longest)
	return s.moved && !s.joiner.pending() && s.at.after != "" &&
		time.Since(s.headAt) > limit<<min(s.run.late, maxDoublings)
}

const maxDoublings = 10

// read returns a copy of the next batch. full reports whether the server may have more.
func (s *changeStream) read(ctx context.Context) (docs []bson.Raw, full bool, err error) {
	waiting, done := mongowait.WithoutDeadline(ctx)
	defer done()
	s.bytes = 0
	var bad *MalformedError
	err = guarded(func() error {
		for more := s.cs.TryNext(waiting); more; more = s.cs.RemainingBatchLength() > 0 && s.cs.TryNext(waiting) {
			if bad = checkFrame(s.cs.Current); bad != nil {
				return nil
			}
			docs = append(docs, s.mem.clone(s.cs.Current))
			s.bytes += len(s.cs.Current)
		}
		return s.cs.Err()
	})
	switch {
	case bad != nil:
		return nil, false, s.run.fail(bad)
	case err != nil:
		return nil, false, s.lost(ctx, err)
	case s.cs.ID() != s.id && s.cs.ID() != 0:
		return nil, false, s.run.fail(errResumed)
	case s.cs.ID() == 0 && len(docs) == 0:
		return nil, false, s.run.fail(ErrInvalidated)
	}
	full = len(docs) > 0 && (len(docs) >= int(s.size) || s.bytes >= fullReply)
	s.adapt(len(docs))
	return docs, full, nil
}

// fullReply is a size of a reply above which the server may have left out events: 16 MiB less a large
// event.
const fullReply = 8 << 20

// adapt sets the size of the next batch, after one of n events.
func (s *changeStream) adapt(n int) {
	if n > 0 {
		s.run.fitting = int32(min(max(replyBytesBudget/(s.bytes/n+1), 1), maxBatchSize))
	}
	s.size = s.run.batchSize()
	s.cs.SetBatchSize(s.size)
}

// lost returns the error of a stream whose request failed with err.
func (s *changeStream) lost(ctx context.Context, err error) error {
	s.broken = mongoerr.Panicked(err)
	if ctx.Err() != nil && !s.broken {
		s.cut = true
		return context.Cause(ctx)
	}
	return s.run.fail(classifyWatch(err))
}

// whole joins fragments, and checks that every event has a token.
func (s *changeStream) whole(docs []bson.Raw) ([]bson.Raw, error) {
	events := docs[:0]
	for _, doc := range docs {
		event, err := s.joiner.join(doc)
		switch {
		case err != nil:
			return nil, err
		case event == nil:
			continue
		}
		if _, ok := tokenText(event.Lookup("_id")); !ok {
			return nil, errNoToken
		}
		events = append(events, event)
	}
	return events, nil
}

// errNotAgain says that the event before the position did not come again as the first one.
var errNotAgain = fmt.Errorf("%w: the event before it did not come again "+
	"(or the position is one of another Pipeline or ExpandedEvents)", ErrHistoryLost)

// mostEmpty is how many replies without an event may come before the one that must come again.
const mostEmpty = 100

// readAgain takes the first event if it must be the one before the position, which proves that the
// server's log still has it, and with it everything after it.
func (s *changeStream) readAgain(docs []bson.Raw) ([]bson.Raw, error) {
	switch {
	case s.expect == "":
		return docs, nil
	case len(docs) > 0 && eventToken(docs[0]) == s.expect:
		s.expect = ""
		return docs[1:], nil
	case len(docs) > 0:
		return nil, errNotAgain
	}
	if s.empty++; s.empty > mostEmpty {
		return nil, errNotAgain
	}
	return nil, nil
}

func eventToken(event bson.Raw) string {
	token, _ := tokenText(event.Lookup("_id"))
	return token
}

// advance moves the position after the events.
func (s *changeStream) advance(events []bson.Raw) {
	for _, event := range events {
		s.at = s.at.next(eventToken(event))
	}
	operation, _ := events[len(events)-1].Lookup("operationType").StringValueOK()
	s.at.invalidated = Operation(operation) == OpInvalidate
	s.run.lastEvent, s.moved = time.Now(), true
}

// idleAfter is how long a stream without heartbeats keeps a position that can be proven, while there
// are no events. Later, reading the log from there again would take too long.
const idleAfter = 10 * time.Second

// rest moves the position to the token that the server gave without an event, if the last event was a
// while ago. Nothing proves such a token but the server's word.
func (s *changeStream) rest() {
	s.moved = true
	proven := s.at.before != "" && time.Since(s.run.lastEvent) < cmp.Or(s.run.opts.Heartbeat, idleAfter)
	if token := string(s.cs.ResumeToken()); !proven && token != "" && token != s.at.after {
		s.at = s.at.idle(token)
	}
}

// close closes the cursor on the server, even if ctx is done. It drops errors: a server that cannot
// be reached closes an idle cursor itself.
func (s *changeStream) close(ctx context.Context) {
	if s.broken {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	_ = guarded(func() error { return s.cs.Close(ctx) })
	if s.cut {
		s.kill(ctx)
	}
}

// kill closes a cursor that the driver has given up when its request was cancelled. On a cluster with
// several routers the command may reach another one; a server also closes a cursor whose client has
// gone.
func (s *changeStream) kill(ctx context.Context) {
	db, coll := watched(s.run.target)
	if db == nil || s.id == 0 {
		return
	}
	_ = guarded(func() error {
		return db.RunCommand(mongo.NewSessionContext(ctx, nil), bson.D{
			{Key: "killCursors", Value: coll}, {Key: "cursors", Value: bson.A{s.id}},
		}).Err()
	})
}
