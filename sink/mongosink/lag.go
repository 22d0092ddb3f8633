package mongosink

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/stream"
)

// ErrNoLag says that the server does not state how far its secondaries are behind, which
// [InsertOptions].MaxLag needs: it is a router or has no replica set. Nothing was written. Its class
// is Fatal.
var ErrNoLag = stream.Mark(
	errors.New("the server states no replication lag: set MaxLag only for a connection to a replica set"), stream.Fatal)

// lagMeter measures how far secondaries are behind the primary.
type lagMeter struct {
	hello, admin func(ctx context.Context, command bson.Raw) (bson.Raw, error)

	// delayed has the _ids of the members that are behind on purpose. It is nil if the user may not ask
	// for the state of all members: then hello says how far a majority is behind.
	delayed map[int64]bool
}

// open finds out which command the server answers.
func (m *lagMeter) open(ctx context.Context) error {
	config, err := m.admin(ctx, document(bson.D{{Key: "replSetGetConfig", Value: 1}}))
	if err == nil {
		m.delayed = delayedMembers(config)
		_, err = m.read(ctx)
	}
	if said, ok := errors.AsType[mongo.CommandError](err); ok && said.Code != 0 && !mongoerr.Class(err).Transient() {
		m.delayed = nil
		_, err = m.read(ctx)
	}
	return err
}

// read returns how far the slowest secondary is behind, or a majority.
func (m *lagMeter) read(ctx context.Context) (time.Duration, error) {
	if m.delayed != nil {
		status, err := m.admin(ctx, document(bson.D{{Key: "replSetGetStatus", Value: 1}}))
		if err != nil {
			return 0, err
		}
		return lagOfMembers(status, m.delayed)
	}
	hello, err := m.hello(ctx, document(bson.D{{Key: "hello", Value: 1}}))
	if err != nil {
		return 0, err
	}
	last, ok := hello.Lookup("lastWrite", "lastWriteDate").TimeOK()
	majority, both := hello.Lookup("lastWrite", "majorityWriteDate").TimeOK()
	if !ok || !both {
		return 0, ErrNoLag
	}
	return last.Sub(majority), nil
}

// delayedMembers returns the _ids of the members that their configuration delays. Servers before
// MongoDB 5.0 have another name for the delay.
func delayedMembers(config bson.Raw) map[int64]bool {
	delayed := map[int64]bool{}
	for _, m := range membersOf(config, "config", "members") {
		for _, name := range []string{"secondaryDelaySecs", "slaveDelay"} {
			if n, ok := m.Lookup(name).AsInt64OK(); ok && n > 0 {
				id, _ := m.Lookup("_id").AsInt64OK()
				delayed[id] = true
			}
		}
	}
	return delayed
}

// lagOfMembers returns how far the slowest secondary is behind the primary. It ignores members that
// are down, recover, or are delayed.
func lagOfMembers(status bson.Raw, delayed map[int64]bool) (time.Duration, error) {
	const primary, secondary = 1, 2
	var last, slowest time.Time
	for _, m := range membersOf(status, "members") {
		at, ok := m.Lookup("optimeDate").TimeOK()
		state, _ := m.Lookup("state").AsInt64OK()
		id, _ := m.Lookup("_id").AsInt64OK()
		switch {
		case !ok:
		case state == primary:
			last = at
		case state == secondary && !delayed[id] && (slowest.IsZero() || at.Before(slowest)):
			slowest = at
		}
	}
	switch {
	case last.IsZero():
		return 0, stream.Mark(fmt.Errorf("the replica set has no primary"), stream.Retryable)
	case slowest.IsZero():
		return 0, nil
	}
	return max(last.Sub(slowest), 0), nil
}

// membersOf returns the documents of a list.
func membersOf(reply bson.Raw, path ...string) (members []bson.Raw) {
	list, _ := reply.Lookup(path...).ArrayOK()
	values, _ := list.Values()
	for _, v := range values {
		if doc, ok := v.DocumentOK(); ok {
			members = append(members, doc)
		}
	}
	return members
}
