package mongotest

import (
	"fmt"
	"net"
	"slices"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// The limits of a server.
const (
	MaxDocumentBytes  = 16 << 20                  // of a document that is inserted
	MaxInternalBytes  = MaxDocumentBytes + 16<<10 // of a document on the wire
	MaxMessageBytes   = 48_000_000
	MaxBatchDocuments = 100_000
)

// Server is a running server. Its methods are safe for concurrent use.
type Server struct {
	listener net.Listener
	conns    sync.WaitGroup

	ended chan struct{} // closed by Close

	mu      sync.Mutex
	open    map[net.Conn]struct{}
	data    map[string]*collection // by "db.collection"
	order   []string               // names in data, in the order of creation
	cursors map[int64]*cursor
	nextID  int64
	faults  []*fault
	log     []Command
	retries map[string]*numbered // the last retryable write of each session
	batch   int                  // most documents in an insert
	unknown map[string]bool      // fields of an insert that RefuseField makes unknown
	lenient bool                 // ignores unknown fields of an insert
	ticks   uint32               // the increment of the last timestamp
	clock   bson.Timestamp       // of the last change
	oldest  bson.Timestamp       // of the snapshots that can be read
	blind   bool                 // accepts snapshot reads and ignores them
	silent  bool                 // and states no time

	standalone  bool // no replica set
	secondaries []Secondary
	changes     changeLog
	known       []*Generated // that inserts may bring
	users       []access
	roles       []access // that users defined
}

// NewServer starts a server on a free port of the loopback interface. It panics if there is none.
// Close stops it.
func NewServer() *Server {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(fmt.Sprintf("mongotest: %v", err))
	}
	return newServer(l)
}

func newServer(l net.Listener) *Server {
	s := &Server{
		listener: l, ended: make(chan struct{}), open: map[net.Conn]struct{}{}, data: map[string]*collection{},
		cursors: map[int64]*cursor{},
		retries: map[string]*numbered{}, batch: MaxBatchDocuments, unknown: map[string]bool{},
		changes: newChangeLog(),
	}
	s.conns.Go(s.accept)
	return s
}

// Addr returns the server's address, host and port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// URI returns the server's connection string.
func (s *Server) URI() string { return "mongodb://" + s.Addr() + "/" }

// Close stops the server, closes its connections, and waits for their goroutines. A second Close
// does nothing.
func (s *Server) Close() {
	s.mu.Lock()
	select {
	case <-s.ended:
	default:
		close(s.ended)
	}
	s.mu.Unlock()
	s.listener.Close()
	s.Disconnect()
	s.conns.Wait()
}

// Disconnect closes all connections, as a network failure does. The server keeps running.
func (s *Server) Disconnect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		c.Close()
	}
}

// LimitBatches limits inserts to n documents, instead of MaxBatchDocuments. The server announces
// the limit on connections that are made after the call: their clients divide larger batches.
func (s *Server) LimitBatches(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.batch = n
}

func (s *Server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		select {
		case <-s.ended:
			s.mu.Unlock()
			c.Close()
			return
		default:
		}
		s.open[c] = struct{}{}
		s.conns.Go(func() {
			defer func() {
				s.mu.Lock()
				delete(s.open, c)
				s.mu.Unlock()
				c.Close()
			}()
			s.serve(c)
		})
		s.mu.Unlock()
	}
}

// Add appends documents to a collection, and creates it if it does not exist. It checks nothing:
// documents may be damaged, or repeat an _id. The caller must not change them afterwards.
func (s *Server) Add(db, coll string, docs ...bson.Raw) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.make(db, coll)
	if c.made != nil {
		panic("mongotest: Add: the collection " + db + "." + coll + " is generated")
	}
	c.docs = append(c.docs, docs...)
	c.ids = nil
	c.limits.count(c.docs)
	s.changed(c)
}

// Documents returns the documents of a collection, in the order of insertion. The caller must not
// change them. A generated collection has none here.
func (s *Server) Documents(db, coll string) []bson.Raw {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.data[db+"."+coll]; c != nil {
		return slices.Clone(c.docs)
	}
	return nil
}

// Cursors returns the number of open cursors.
func (s *Server) Cursors() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.cursors)
}

// ForgetCursors drops all open cursors. Their next getMore gets CursorNotFound (43), as after a
// restart or a long idle time.
func (s *Server) ForgetCursors() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.cursors)
}

// Command is a command that the server received.
type Command struct {
	Name string   // find, getMore…
	DB   string   // the database of the command
	Body bson.Raw // without the documents, updates or deletes of a command that writes
	Docs int      // the number of these
	Size int      // of the message, in bytes
}

// Commands returns the commands received so far with these names, in order. Without names, it
// returns all. It never returns the driver's greetings (hello, isMaster).
func (s *Server) Commands(names ...string) []Command {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(names) == 0 {
		return slices.Clone(s.log)
	}
	var found []Command
	for _, c := range s.log {
		if slices.Contains(names, c.Name) {
			found = append(found, c)
		}
	}
	return found
}
