package s3test

import (
	"encoding/xml"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Fault changes the outcome of the requests that it matches. If several faults match a request, the
// one that was added first applies.
type Fault struct {
	Op    string // the operation: "UploadPart"; "" for all
	Key   string // the object's key; "" for all
	Part  int    // of UploadPart; 0 for all
	Skip  int    // number of matching requests that succeed first
	Times int    // number of requests that fail then; 0 means one, a negative number all

	// Before is called before the request is executed, and may change it. If it returns a reply,
	// the request is not executed.
	Before func(*Request) *Reply
	// Unread calls Before before the request's body is read. If Before returns a reply, the body is
	// not read.
	Unread bool
	// After is called with the reply to an executed request, and may change the reply.
	After func(*Request, *Reply)
}

// Reply is a reply of the server.
type Reply struct {
	Status   int // 0 means 200
	Header   http.Header
	Body     []byte
	Delay    time.Duration // before the reply is sent
	Hang     bool          // nothing is sent until the client disconnects or the server is closed
	Drop     bool          // nothing is sent, and the connection is reset
	Cut      bool          // the connection is reset after Sent bytes of Body; Content-Length has its full length
	Sent     int           // bytes of Body that are sent, with Cut
	NoLength bool          // Body is sent in chunks, without a Content-Length
}

// Fault adds a fault. The server keeps a copy.
func (s *Server) Fault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Times == 0 {
		f.Times = 1
	}
	s.faults = append(s.faults, &f)
}

// ClearFaults removes all faults.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// match returns the fault that applies to req, or nil. The caller holds s.mu.
func (s *Server) match(req *Request) *Fault {
	for _, f := range s.faults {
		switch {
		case f.Op != "" && f.Op != req.Op, f.Key != "" && f.Key != req.Key, f.Part != 0 && f.Part != req.Part:
		case f.Times == 0: // used up
		case f.Skip > 0:
			f.Skip--
		default:
			if f.Times > 0 {
				f.Times--
			}
			return f
		}
	}
	return nil
}

func (f *Fault) before(req *Request) *Reply {
	if f.Before == nil {
		return nil
	}
	return f.Before(req)
}

// Fail returns a function that replies with an error. It is for [Fault].Before.
func Fail(status int, code string) func(*Request) *Reply {
	return func(*Request) *Reply { return refuse(status, code) }
}

// Drop resets the connection. It is for [Fault].Before.
func Drop(*Request) *Reply { return &Reply{Drop: true} }

// Hang never replies. It is for [Fault].Before.
func Hang(*Request) *Reply { return &Reply{Hang: true} }

// Flip changes a bit in the middle of the request's body. It is for [Fault].Before.
func Flip(r *Request) *Reply {
	if len(r.Body) > 0 {
		r.Body[len(r.Body)/2] ^= 1
	}
	return nil
}

// Lose resets the connection instead of sending the reply. It is for [Fault].After.
func Lose(_ *Request, r *Reply) { *r = Reply{Drop: true} }

// Stall never sends the reply. It is for [Fault].After.
func Stall(_ *Request, r *Reply) { *r = Reply{Hang: true} }

// Say replaces the reply by a 200 with another body. It is for [Fault].After.
func Say(body string) func(*Request, *Reply) {
	return func(_ *Request, r *Reply) { *r = Reply{Body: []byte(body)} }
}

// CutAfter resets the connection after n bytes of the body. It is for [Fault].After.
func CutAfter(n int) func(*Request, *Reply) {
	return func(_ *Request, r *Reply) { r.Cut, r.Sent = true, min(n, len(r.Body)) }
}

// Shorten sends only n bytes of the body, with a matching Content-Length. It is for [Fault].After.
func Shorten(n int) func(*Request, *Reply) {
	return func(_ *Request, r *Reply) { r.Body = r.Body[:min(n, len(r.Body))] }
}

// ShortenChunked sends only n bytes of the body, without a Content-Length. It is for [Fault].After.
func ShortenChunked(n int) func(*Request, *Reply) {
	return func(_ *Request, r *Reply) { r.Body, r.NoLength = r.Body[:min(n, len(r.Body))], true }
}

// refuse returns an error reply in the form of S3.
func refuse(status int, code string) *Reply { return refuseWith(status, code, "s3test rejects it") }

// refuseWith is refuse with another message.
func refuseWith(status int, code, message string) *Reply {
	type Error struct{ Code, Message string }
	body, err := xml.Marshal(Error{code, message})
	if err != nil {
		panic(err)
	}
	return &Reply{Status: status, Body: body, Header: http.Header{"Content-Type": {"application/xml"}}}
}

// send sends reply, or fails the connection as reply demands.
func (s *Server) send(w http.ResponseWriter, hr *http.Request, reply *Reply) {
	if reply.Delay > 0 || reply.Hang {
		late := time.NewTimer(reply.Delay)
		defer late.Stop()
		fire := late.C
		if reply.Hang {
			fire = nil
		}
		select {
		case <-fire:
		case <-hr.Context().Done():
			return
		case <-s.closed:
			panic(http.ErrAbortHandler)
		}
	}
	if reply.Drop {
		reset(w)
		return
	}
	if s.opts.Service == MinIO {
		w.Header().Set("Server", "MinIO")
	}
	for k, v := range reply.Header {
		w.Header()[k] = v
	}
	if !reply.NoLength && w.Header().Get("Content-Length") == "" && reply.Status != http.StatusNoContent {
		w.Header().Set("Content-Length", strconv.Itoa(len(reply.Body)))
	}
	w.WriteHeader(max(reply.Status, http.StatusOK))
	if hr.Method == http.MethodHead {
		return
	}
	body := reply.Body
	if reply.Cut {
		body = body[:reply.Sent]
	}
	if _, err := w.Write(body); err != nil {
		return
	}
	if reply.NoLength || reply.Cut {
		_ = http.NewResponseController(w).Flush() // fails only if the client has disconnected
	}
	if reply.Cut {
		reset(w)
	}
}

// reset closes the connection of w, with RST if it can.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // close then sends RST; if this fails it sends FIN, which serves as well
	}
	_ = conn.Close()
}
