package mongotest

import (
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Secondary is a secondary that the server says it has. There is no such process.
type Secondary struct {
	Behind time.Duration // how far it is behind the primary
	Delay  time.Duration // by which its configuration delays it
	Down   bool          // it does not answer
}

// SetSecondaries sets the secondaries that replSetGetStatus and replSetGetConfig list, and that make
// the majority of hello's lastWrite. At first there are none.
func (s *Server) SetSecondaries(members ...Secondary) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secondaries = slices.Clone(members)
}

// primaryTime is the time of the primary's last write in each reply.
var primaryTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// lastWrite is the field of hello about the last write of the primary, and of a majority.
func (s *Server) lastWrite() bson.D {
	behind := []time.Duration{0}
	for _, m := range s.secondaries {
		behind = append(behind, m.Behind)
	}
	slices.Sort(behind)
	return bson.D{
		{Key: "lastWriteDate", Value: bson.NewDateTimeFromTime(primaryTime)},
		{Key: "majorityWriteDate", Value: bson.NewDateTimeFromTime(primaryTime.Add(-behind[len(behind)/2]))},
	}
}

// replSetGetStatus describes the members of the replica set.
func (s *Server) replSetGetStatus(req *request) bson.Raw {
	if bad := s.refuseReplication(req); bad != nil {
		return bad
	}
	const primary, secondary, down = 1, 2, 8
	members := bson.A{bson.D{
		{Key: "_id", Value: int32(0)},
		{Key: "health", Value: 1.0},
		{Key: "state", Value: int32(primary)},
		{Key: "optimeDate", Value: bson.NewDateTimeFromTime(primaryTime)},
	}}
	for i, m := range s.secondaries {
		state, health, at := int32(secondary), 1.0, primaryTime.Add(-m.Behind)
		if m.Down {
			state, health, at = down, 0.0, time.Unix(0, 0)
		}
		members = append(members, bson.D{
			{Key: "_id", Value: int32(i + 1)},
			{Key: "health", Value: health},
			{Key: "state", Value: state},
			{Key: "optimeDate", Value: bson.NewDateTimeFromTime(at)},
		})
	}
	return document(bson.D{
		{Key: "set", Value: "mongotest"},
		{Key: "myState", Value: int32(primary)},
		{Key: "members", Value: members},
		ok,
	})
}

// replSetGetConfig describes the configuration of the replica set.
func (s *Server) replSetGetConfig(req *request) bson.Raw {
	if bad := s.refuseReplication(req); bad != nil {
		return bad
	}
	members := bson.A{bson.D{{Key: "_id", Value: int32(0)}, {Key: "secondaryDelaySecs", Value: int64(0)}}}
	for i, m := range s.secondaries {
		members = append(members, bson.D{
			{Key: "_id", Value: int32(i + 1)}, {Key: "secondaryDelaySecs", Value: int64(m.Delay / time.Second)},
		})
	}
	return document(bson.D{
		{Key: "config", Value: bson.D{{Key: "_id", Value: "mongotest"}, {Key: "members", Value: members}}}, ok,
	})
}

// refuseReplication returns the refusal of a command about the replica set, or nil.
func (s *Server) refuseReplication(req *request) bson.Raw {
	switch {
	case req.db != "admin":
		return failure(13, req.name+" may only be run against the admin database.")
	case s.standalone:
		return failure(76, "not running with --replSet")
	}
	return nil
}
