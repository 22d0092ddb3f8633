package mongotest

import "go.mongodb.org/mongo-driver/v2/bson"

// session returns the id of the session of a command, or "".
func (r *request) session() string { return string(r.body.Lookup("lsid").Value) }

// killSessions closes the cursors of some sessions, or of all if the command names none.
func (s *Server) killSessions(req *request) bson.Raw {
	list, _ := req.body.Index(0).Value().ArrayOK()
	ids, _ := list.Values()
	killed := map[string]bool{}
	for _, id := range ids {
		killed[string(id.Value)] = true
	}
	for id, c := range s.cursors {
		if len(killed) == 0 || killed[c.session] {
			delete(s.cursors, id)
		}
	}
	return document(bson.D{ok})
}
