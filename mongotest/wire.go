package mongotest

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

const (
	opReply = 1
	opQuery = 2004
	opMsg   = 2013

	headerBytes    = 16
	checksumFlag   = 1 << 0
	moreToComeFlag = 1 << 1
)

var errProtocol = errors.New("mongotest: the message is malformed")

// request is a received command.
type request struct {
	id    int32
	query bool // it came as OP_QUERY
	quiet bool // the client wants no reply
	size  int
	name  string
	db    string
	body  bson.Raw
	docs  []bson.Raw // sent as a separate section
	most  int        // documents of the reply, by a fault; 0 means as many as asked for
}

// limited returns the number of documents of a reply to a request for size.
func (r *request) limited(size int) int {
	if r.most > 0 {
		return min(size, r.most)
	}
	return size
}

// serve answers the requests of one connection.
func (s *Server) serve(c net.Conn) {
	in := bufio.NewReaderSize(c, 64<<10)
	for {
		req, err := read(in)
		if err != nil {
			return
		}
		reply, f := s.handle(req)
		if f != nil && (reply == nil || f.Lose) {
			hangUp(c, f.Reset)
			return
		}
		if req.quiet {
			continue
		}
		out := message(req, reply)
		if f != nil && f.Cut > 0 {
			c.Write(out[:min(f.Cut, len(out))])
			hangUp(c, f.Reset)
			return
		}
		if f != nil && f.Wire != nil {
			out = f.Wire(out)
		}
		if _, err := c.Write(out); err != nil {
			return
		}
		if f != nil && f.Hang {
			<-s.ended
			return
		}
	}
}

func hangUp(c net.Conn, reset bool) {
	if t, ok := c.(*net.TCPConn); ok && reset {
		t.SetLinger(0)
	}
	c.Close()
}

// read reads one request.
func read(in *bufio.Reader) (*request, error) {
	var head [headerBytes]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return nil, err
	}
	size := int(int32(binary.LittleEndian.Uint32(head[:])))
	if size < headerBytes || size > MaxMessageBytes {
		return nil, errProtocol
	}
	p := make([]byte, size-headerBytes) // the documents keep this memory
	if _, err := io.ReadFull(in, p); err != nil {
		return nil, err
	}
	req := &request{id: int32(binary.LittleEndian.Uint32(head[4:])), size: size}
	var err error
	switch binary.LittleEndian.Uint32(head[12:]) {
	case opMsg:
		err = req.parseMsg(p)
	case opQuery:
		err = req.parseQuery(p)
	default:
		err = errProtocol
	}
	if err != nil {
		return nil, err
	}
	if e, err := req.body.IndexErr(0); err != nil {
		return nil, errProtocol
	} else if req.name = e.Key(); req.db == "" {
		req.db, _ = req.body.Lookup("$db").StringValueOK()
	}
	return req, nil
}

func (r *request) parseMsg(p []byte) error {
	if len(p) < 5 {
		return errProtocol
	}
	flags := binary.LittleEndian.Uint32(p)
	r.quiet = flags&moreToComeFlag != 0
	if p = p[4:]; flags&checksumFlag != 0 {
		p = p[:max(0, len(p)-4)]
	}
	for len(p) > 0 {
		kind := p[0]
		p = p[1:]
		switch kind {
		case 0:
			doc, rest, err := cut(p)
			if err != nil {
				return err
			}
			r.body, p = doc, rest
		case 1:
			if len(p) < 5 {
				return errProtocol
			}
			n := int(int32(binary.LittleEndian.Uint32(p)))
			if n < 5 || n > len(p) {
				return errProtocol
			}
			section := p[4:n]
			p = p[n:]
			name := bytes.IndexByte(section, 0)
			if name < 0 {
				return errProtocol
			}
			for section = section[name+1:]; len(section) > 0; {
				doc, rest, err := cut(section)
				if err != nil {
					return err
				}
				r.docs, section = append(r.docs, doc), rest
			}
		default:
			return errProtocol
		}
	}
	return nil
}

func (r *request) parseQuery(p []byte) error {
	r.query = true
	if len(p) < 4 {
		return errProtocol
	}
	name, rest, ok := bytes.Cut(p[4:], []byte{0})
	if !ok || len(rest) < 8 {
		return errProtocol
	}
	db, _, _ := bytes.Cut(name, []byte("."))
	r.db = string(db)
	doc, _, err := cut(rest[8:])
	r.body = doc
	return err
}

// cut takes the document at the beginning of p.
func cut(p []byte) (doc bson.Raw, rest []byte, err error) {
	if len(p) < 5 {
		return nil, nil, errProtocol
	}
	n := int(int32(binary.LittleEndian.Uint32(p)))
	if n < 5 || n > len(p) || n > MaxInternalBytes {
		return nil, nil, errProtocol
	}
	return p[:n:n], p[n:], nil
}

// message returns the bytes of a reply.
func message(req *request, reply bson.Raw) []byte {
	out := make([]byte, headerBytes, headerBytes+20+len(reply))
	binary.LittleEndian.PutUint32(out[8:], uint32(req.id))
	if req.query {
		binary.LittleEndian.PutUint32(out[12:], opReply)
		out = append(out, make([]byte, 16)...) // flags, cursor, starting from
		out = binary.LittleEndian.AppendUint32(out, 1)
	} else {
		binary.LittleEndian.PutUint32(out[12:], opMsg)
		out = append(out, 0, 0, 0, 0, 0) // flags, section 0
	}
	out = append(out, reply...)
	binary.LittleEndian.PutUint32(out, uint32(len(out)))
	return out
}

// handle carries out a request and applies its fault. A nil reply closes the connection.
func (s *Server) handle(req *request) (bson.Raw, *Fault) {
	if req.name == "hello" || req.name == "isMaster" || req.name == "ismaster" {
		return s.greet()
	}
	c := logged(req)
	s.mu.Lock()
	s.log = append(s.log, c)
	f := s.fault(c)
	s.mu.Unlock()
	if f == nil {
		s.awaitChanges(req)
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.run(req, &Fault{}), nil
	}
	if f.Delay > 0 && !s.wait(f.Delay) {
		return nil, f
	}
	switch {
	case f.Close:
		return nil, f
	case f.Code != 0:
		return failure(f.Code, f.Text, f.Labels...), f
	}
	s.awaitChanges(req)
	s.mu.Lock()
	defer s.mu.Unlock()
	req.most = f.Most
	reply := s.run(req, f)
	if f.Reply != nil {
		reply = f.Reply
	}
	return reply, f
}

// greet answers a hello and applies the faults that support one.
func (s *Server) greet() (bson.Raw, *Fault) {
	reply := s.hello()
	s.mu.Lock()
	f := s.fault(Command{Name: "hello"})
	s.mu.Unlock()
	if f == nil {
		return reply, nil
	}
	if f.Delay > 0 && !s.wait(f.Delay) {
		return nil, f
	}
	if f.Reply != nil {
		reply = f.Reply
	}
	return reply, &Fault{Wire: f.Wire, Hang: f.Hang}
}

// wait waits for d and reports whether the server is still running. It returns early when the
// server closes.
func (s *Server) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.ended:
		return false
	}
}
