package mongotest

import "go.mongodb.org/mongo-driver/v2/bson"

// numbered is the last retryable write of a session: its number, and the statements of it that the
// server has executed. A command with the same number executes only the others.
type numbered struct {
	number   int64
	executed map[int]changed
}

// remembered returns what the server knows about the write of req, or nil if the write has no
// number. The second result refuses a number that is smaller than the last one.
func (s *Server) remembered(req *request) (*numbered, bson.Raw) {
	session := string(req.body.Lookup("lsid").Value)
	number, retryable := req.body.Lookup("txnNumber").AsInt64OK()
	if !retryable {
		return nil, nil
	}
	if s.standalone {
		return nil, failure(20, "Transaction numbers are only allowed on a replica set member or mongos")
	}
	last := s.retries[session]
	switch {
	case last == nil || last.number < number:
		last = &numbered{number, map[int]changed{}}
		s.retries[session] = last
	case last.number > number:
		return nil, failure(225, "the session has a later transaction number")
	}
	return last, nil
}

// before returns what statement i did when it was executed, if it was.
func (n *numbered) before(i int) (done changed, executed bool) {
	if n == nil {
		return done, false
	}
	done, executed = n.executed[i]
	return done, executed
}

func (n *numbered) remember(i int, done changed) {
	if n != nil {
		n.executed[i] = done
	}
}

// ForgetRetries makes the server forget the retryable writes that it has executed, as some do at a
// restart.
func (s *Server) ForgetRetries() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.retries)
}

// Standalone makes the server one without a replica set: it has no retryable writes. Call it before
// a client connects.
func (s *Server) Standalone() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.standalone = true
}
