package s3test

import (
	"encoding/xml"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Fault is something that goes wrong with the requests it fits. Of several faults that fit a request, the first that was set is used.
type Fault struct {
	Op    string // the operation: "UploadPart"; "" for all
	Key   string // of the object; "" for all
	Part  int    // of UploadPart; 0 for all
	Skip  int    // so many fitting requests go well first
	Times int    // and so many go wrong; 0 means one, a negative number all

	// Before is called before the request is carried out, which it is when the result is nil. It may change the request.
	Before func(*Request) *Reply
	// Unread calls Before ahead of the request's body, which is left unread when there is a reply.
	Unread bool
	// After is called with the reply to a request that was carried out, and may change it.
	After func(*Request, *Reply)
}

// Reply is an answer of the server.
type Reply struct {
	Status   int // 0 means 200
	Header   http.Header
	Body     []byte
	Delay    time.Duration // before anything is sent
	Hang     bool          // nothing is sent until the client leaves or the server is closed
	Drop     bool          // nothing is sent, and the connection is reset
	Cut      bool          // the connection is reset after Sent bytes of Body, whose whole length was announced
	Sent     int           // see Cut
	NoLength bool          // Body is sent in chunks, its length is not announced
}

// Fault adds a fault. The server keeps its own copy.
func (s *Server) Fault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Times == 0 {
		f.Times = 1
	}
	s.faults = append(s.faults, &f)
}

// ClearFaults takes all faults back.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// match returns the fault for req, or nil. s.mu is held.
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

// Fail replies with an error and does nothing; for [Fault].Before.
func Fail(status int, code string) func(*Request) *Reply {
	return func(*Request) *Reply { return refuse(status, code) }
}

// Drop resets the connection and does nothing; for [Fault].Before.
func Drop(*Request) *Reply { return &Reply{Drop: true} }

// Hang never replies and does nothing; for [Fault].Before.
func Hang(*Request) *Reply { return &Reply{Hang: true} }

// Flip changes a bit in the middle of the request's body; for [Fault].Before.
func Flip(r *Request) *Reply {
	if len(r.Body) > 0 {
		r.Body[len(r.Body)/2] ^= 1
	}
	return nil
}

// Lose resets the connection in place of the reply; for [Fault].After.
func Lose(_ *Request, r *Reply) { *r = Reply{Drop: true} }

// Stall never sends the reply; for [Fault].After.
func Stall(_ *Request, r *Reply) { *r = Reply{Hang: true} }

// Say replies 200 with body in place of the reply; for [Fault].After.
func Say(body string) func(*Request, *Reply) {
	return func(_ *Request, r *Reply) { *r = Reply{Body: []byte(body)} }
}

// CutAfter resets the connection after n bytes of the body; for [Fault].After.
func CutAfter(n int) func(*Request, *Reply) {
	return func(_ *Request, r *Reply) { r.Cut, r.Sent = true, min(n, len(r.Body)) }
}

// Shorten sends n bytes of the body as if they were all, with a Content-Length to match; for [Fault].After.
func Shorten(n int) func(*Request, *Reply) {
	return func(_ *Request, r *Reply) { r.Body = r.Body[:min(n, len(r.Body))] }
}

// ShortenChunked sends n bytes of the body as if they were all, without a Content-Length; for [Fault].After.
func ShortenChunked(n int) func(*Request, *Reply) {
	return func(_ *Request, r *Reply) { r.Body, r.NoLength = r.Body[:min(n, len(r.Body))], true }
}

// refuse returns an error as S3 writes it.
func refuse(status int, code string) *Reply {
	type Error struct{ Code, Message string }
	body, err := xml.Marshal(Error{code, "s3test refuses it"})
	if err != nil {
		panic(err)
	}
	return &Reply{Status: status, Body: body, Header: http.Header{"Content-Type": {"application/xml"}}}
}

// send sends reply, or does to the connection what it says.
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
		_ = http.NewResponseController(w).Flush() // a client that left has no use for it
	}
	if reply.Cut {
		reset(w)
	}
}

// reset closes the connection of w hard.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // to send RST: without it, it is FIN, which does as well
	}
	_ = conn.Close()
}
