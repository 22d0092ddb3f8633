package mongotest

import (
	"fmt"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

var ok = bson.E{Key: "ok", Value: 1.0}

// hello describes the server: the primary of a replica set of one.
func (s *Server) hello() bson.Raw {
	addr := s.Addr()
	s.mu.Lock()
	defer s.mu.Unlock()
	replicaSet := bson.D{
		{Key: "setName", Value: "mongotest"},
		{Key: "setVersion", Value: int32(1)},
		{Key: "hosts", Value: bson.A{addr}},
		{Key: "me", Value: addr},
		{Key: "primary", Value: addr},
		{Key: "lastWrite", Value: s.lastWrite()},
	}
	if s.clock != (bson.Timestamp{}) {
		replicaSet = append(replicaSet, bson.E{Key: "operationTime", Value: s.clock})
	}
	if s.standalone {
		replicaSet = nil
	}
	return document(append(replicaSet, bson.D{
		{Key: "helloOk", Value: true},
		{Key: "ismaster", Value: true},
		{Key: "isWritablePrimary", Value: true},
		{Key: "secondary", Value: false},
		{Key: "maxBsonObjectSize", Value: int32(MaxDocumentBytes)},
		{Key: "maxMessageSizeBytes", Value: int32(MaxMessageBytes)},
		{Key: "maxWriteBatchSize", Value: int32(s.batch)},
		{Key: "localTime", Value: bson.NewDateTimeFromTime(time.Now())},
		{Key: "logicalSessionTimeoutMinutes", Value: int32(30)},
		{Key: "connectionId", Value: int32(1)},
		{Key: "minWireVersion", Value: int32(0)},
		{Key: "maxWireVersion", Value: int32(25)},
		{Key: "readOnly", Value: false},
		ok,
	}...))
}

// run carries out a command. s.mu is held.
func (s *Server) run(req *request, f *Fault) bson.Raw {
	target, _ := req.body.Index(0).Value().StringValueOK()
	ns := req.db + "." + target
	switch req.name {
	case "ping", "endSessions", "refreshSessions":
		return document(bson.D{ok})
	case "buildInfo", "buildinfo":
		return document(bson.D{
			{Key: "version", Value: "8.0.0"},
			{Key: "versionArray", Value: bson.A{int32(8), int32(0), int32(0), int32(0)}},
			ok,
		})
	case "find":
		return s.find(req, ns)
	case "getMore":
		return s.getMore(req)
	case "killCursors":
		return s.killCursors(req)
	case "killSessions":
		return s.killSessions(req)
	case "insert":
		return s.insert(req, target, f)
	case "update", "delete":
		return s.change(req, target, f)
	case "count":
		return s.count(req, ns)
	case "aggregate":
		return s.aggregate(req, ns)
	case "create":
		return s.create(req, target)
	case "createIndexes":
		return s.createIndexes(req, target)
	case "collMod":
		return s.collMod(req, ns)
	case "createUser":
		return s.createUser(req, target)
	case "createRole":
		return s.createRole(req, target)
	case "usersInfo":
		return s.accessInfo(s.users, "users", "user", req)
	case "rolesInfo":
		return s.accessInfo(s.roles, "roles", "role", req)
	case "drop":
		s.remove(ns)
		return document(bson.D{ok})
	case "dropDatabase":
		for _, name := range slices.Clone(s.order) {
			if s.data[name].db == req.db {
				s.remove(name)
			}
		}
		s.logChange(req.db, "", bson.D{{Key: "operationType", Value: "dropDatabase"}})
		return document(bson.D{ok})
	case "dropIndexes":
		return s.dropIndexes(req, ns)
	case "listIndexes":
		return s.listIndexes(ns)
	case "splitVector":
		return s.splitVector(req, target)
	case "renameCollection":
		return s.renameCollection(req, target)
	case "listCollections":
		return s.listCollections(req)
	case "replSetGetStatus":
		return s.replSetGetStatus(req)
	case "replSetGetConfig":
		return s.replSetGetConfig(req)
	case "listDatabases":
		return s.listDatabases(req)
	}
	return failure(59, "no such command: '"+req.name+"'")
}

// refuseUnknown returns the refusal of a command with an unsupported field: one that is not in
// fields or that is in unknown. It returns nil if there is none.
func refuseUnknown(command string, body bson.Raw, unknown map[string]bool, fields ...string) bson.Raw {
	elements, err := body.Elements()
	if err != nil {
		return failure(22, err.Error())
	}
	for _, e := range elements[1:] {
		switch k := e.Key(); k {
		case "$db", "lsid", "txnNumber", "$clusterTime", "$readPreference", "readConcern", "writeConcern", "comment",
			"maxTimeMS", "apiVersion":
		default:
			if !slices.Contains(fields, k) || unknown[k] {
				return failure(40415, fmt.Sprintf("BSON field '%s.%s' is an unknown field.", command, k))
			}
		}
	}
	return nil
}

func integer(body bson.Raw, field string) (int, bool) {
	v, err := body.LookupErr(field)
	if err != nil {
		return 0, false
	}
	n, ok := v.AsInt64OK()
	return int(n), ok
}

func (s *Server) find(req *request, ns string) bson.Raw {
	bad := refuseUnknown("find", req.body, nil, "filter", "sort", "projection", "batchSize", "limit", "skip",
		"singleBatch", "noCursorTimeout", "allowDiskUse", "hint")
	if bad != nil {
		return bad
	}
	v, bad := s.view(req, ns)
	if bad != nil {
		return bad
	}
	if m := s.madeOf(ns); m != nil {
		return s.findMade(req, ns, v, m)
	}
	docs, err := query(v.docs, req.body)
	if err != nil {
		return failure(2, err.Error())
	}
	size, given := integer(req.body, "batchSize")
	if !given {
		size = firstBatch
	}
	if single, _ := req.body.Lookup("singleBatch").BooleanOK(); single {
		_, taken := batch("firstBatch", ns, 0, docs, size)
		docs = docs[:taken]
	}
	return s.openCursor(v, ns, docs, req.limited(size))
}

// query returns the documents that a find asks for.
func query(docs []bson.Raw, body bson.Raw) ([]bson.Raw, error) {
	filter, _ := body.Lookup("filter").DocumentOK()
	docs, err := match(docs, filter)
	if err != nil {
		return nil, err
	}
	order := body.Lookup("sort")
	if hint, _ := body.Lookup("hint").DocumentOK(); order.IsZero() && !hint.Lookup("$natural").IsZero() {
		order = body.Lookup("hint") // the only hint that changes the order here
	}
	if docs, err = sortDocuments(docs, order); err != nil {
		return nil, err
	}
	if n, given := integer(body, "skip"); given {
		docs = docs[min(n, len(docs)):]
	}
	if n, given := integer(body, "limit"); given && n > 0 {
		docs = docs[:min(n, len(docs))]
	}
	fields, err := parseProjection(body.Lookup("projection"))
	if err != nil {
		return nil, err
	}
	return fields.all(docs), nil
}

func (s *Server) getMore(req *request) bson.Raw {
	id, _ := req.body.Index(0).Value().AsInt64OK()
	c := s.cursors[id]
	switch {
	case c == nil:
		return failure(43, fmt.Sprintf("cursor id %d not found", id))
	case c.dropped:
		delete(s.cursors, id)
		return failure(175, "collection dropped: "+c.ns)
	case c.overtaken:
		delete(s.cursors, id)
		return failure(136, "CollectionScan died due to position in capped collection being deleted.")
	case c.at != bson.Timestamp{} && compareTimes(c.at, s.oldest) < 0 && !s.blind:
		delete(s.cursors, id)
		return failure(239, "the snapshot of the cursor is too old")
	}
	if c.made != nil {
		return s.moreMade(req, id, c)
	}
	size, given := integer(req.body, "batchSize")
	if c.changes != nil {
		if !given {
			size = firstBatch
		}
		return s.changeBatch("nextBatch", id, size)
	}
	if !given {
		size = len(c.docs)
	}
	reply, taken := batchAt("nextBatch", c.ns, id, c.docs, req.limited(size), c.at)
	if c.docs = c.docs[taken:]; len(c.docs) == 0 {
		delete(s.cursors, id)
	}
	return reply
}

func (s *Server) killCursors(req *request) bson.Raw {
	killed, missing := bson.A{}, bson.A{}
	ids, _ := req.body.Lookup("cursors").ArrayOK()
	values, _ := ids.Values()
	for _, v := range values {
		id, _ := v.AsInt64OK()
		if s.cursors[id] == nil {
			missing = append(missing, id)
			continue
		}
		delete(s.cursors, id)
		killed = append(killed, id)
	}
	return document(bson.D{
		{Key: "cursorsKilled", Value: killed},
		{Key: "cursorsNotFound", Value: missing},
		{Key: "cursorsAlive", Value: bson.A{}},
		{Key: "cursorsUnknown", Value: bson.A{}},
		ok,
	})
}

func (s *Server) count(req *request, ns string) bson.Raw {
	if bad := refuseUnknown("count", req.body, nil, "query"); bad != nil {
		return bad
	}
	v, bad := s.view(req, ns)
	if bad != nil {
		return bad
	}
	filter, _ := req.body.Lookup("query").DocumentOK()
	if m := s.madeOf(ns); m != nil {
		spans, err := m.of.spans(filter)
		if err != nil {
			return failure(2, err.Error())
		}
		return document(bson.D{{Key: "n", Value: int32(m.within(spans))}, ok})
	}
	docs, err := match(v.docs, filter)
	if err != nil {
		return failure(2, err.Error())
	}
	return document(bson.D{{Key: "n", Value: int32(len(docs))}, ok})
}

func (s *Server) listCollections(req *request) bson.Raw {
	filter, _ := req.body.Lookup("filter").DocumentOK()
	order := s.order
	if name, ok := filter.Lookup("name").StringValueOK(); ok && s.data[req.db+"."+name] != nil {
		order = []string{req.db + "." + name} // a server looks the name up, too
	}
	var docs []bson.Raw
	for _, ns := range order {
		if c := s.data[ns]; c.db == req.db {
			docs = append(docs, c.description())
			if c.kind == timeSeriesType {
				docs = append(docs, c.buckets())
			}
		}
	}
	docs, err := match(docs, filter)
	if err != nil {
		return failure(2, err.Error())
	}
	reply, _ := batch("firstBatch", req.db+".$cmd.listCollections", 0, docs, len(docs))
	return reply
}

func (s *Server) listDatabases(req *request) bson.Raw {
	if bad := refuseUnknown("listDatabases", req.body, nil, "filter", "nameOnly", "authorizedDatabases"); bad != nil {
		return bad
	}
	var names []string
	for _, ns := range s.order {
		if db := s.data[ns].db; !slices.Contains(names, db) {
			names = append(names, db)
		}
	}
	var dbs []bson.Raw
	for _, name := range names {
		dbs = append(dbs, document(bson.D{
			{Key: "name", Value: name},
			{Key: "sizeOnDisk", Value: int64(0)},
			{Key: "empty", Value: false},
		}))
	}
	filter, _ := req.body.Lookup("filter").DocumentOK()
	dbs, err := match(dbs, filter)
	if err != nil {
		return failure(2, err.Error())
	}
	if dbs == nil {
		dbs = []bson.Raw{} // an empty array, not null
	}
	return document(bson.D{{Key: "databases", Value: dbs}, {Key: "totalSize", Value: int64(0)}, ok})
}
