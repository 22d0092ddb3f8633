package mongosource_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/source/mongosource"
)

// Kinds and flags of messages.
const (
	kindReply  = 1
	kindMsg    = 2013
	moreToCome = 1 << 1
	exhaust    = 1 << 16
)

// wire is a guarded connection and the server's end of it.
type wire struct {
	client, server net.Conn
	sending        sync.WaitGroup
}

// DialContext returns the client's end.
func (w *wire) DialContext(context.Context, string, string) (net.Conn, error) { return w.client, nil }

// newWire returns a wire with a connection that a client with opts dialed.
func newWire(t *testing.T, opts *options.ClientOptions) *wire {
	t.Helper()
	w := new(wire)
	w.client, w.server = net.Pipe()
	conn, err := mongosource.Guard(opts.SetDialer(w)).Dialer.DialContext(t.Context(), "tcp", "db.example.org:27017")
	if err != nil {
		t.Fatal(err)
	}
	w.client = conn
	t.Cleanup(func() {
		_ = w.client.Close()
		_ = w.server.Close()
		w.sending.Wait()
	})
	return w
}

// request has the client send a request.
func (w *wire) request(t *testing.T, id int32, flags uint32) {
	t.Helper()
	m := wireMessage(0, kindMsg, flags, bson.D{{Key: "ping", Value: 1}})
	binary.LittleEndian.PutUint32(m[4:], uint32(id))
	w.sending.Go(func() { _, _ = io.ReadFull(w.server, make([]byte, len(m))) })
	if _, err := w.client.Write(m); err != nil {
		t.Fatal(err)
	}
	w.sending.Wait()
}

// send has the server send p. It does not wait until the client has read p.
func (w *wire) send(p []byte) {
	w.sending.Go(func() { _, _ = w.server.Write(p) })
}

// receive returns the next message as the driver reads it.
func (w *wire) receive() ([]byte, error) {
	m := make([]byte, 4)
	if _, err := io.ReadFull(w.client, m); err != nil {
		return nil, err
	}
	m = append(m, make([]byte, binary.LittleEndian.Uint32(m)-4)...)
	_, err := io.ReadFull(w.client, m[4:])
	return m, err
}

// wireMessage returns a message of this kind that answers request.
func wireMessage(request int32, kind, flags uint32, doc bson.D) []byte {
	m := make([]byte, 16)
	binary.LittleEndian.PutUint32(m[8:], uint32(request))
	binary.LittleEndian.PutUint32(m[12:], kind)
	m = binary.LittleEndian.AppendUint32(m, flags)
	if kind == kindReply {
		m = append(m, make([]byte, 8+4)...) // cursor, starting from
		m = binary.LittleEndian.AppendUint32(m, 1)
	} else {
		m = append(m, 0)
	}
	m = append(m, hostileDoc(doc)...)
	binary.LittleEndian.PutUint32(m, uint32(len(m)))
	return m
}

// refused checks that the next message is refused, that the connection is closed then, and that it
// stays unusable.
func (w *wire) refused(t *testing.T) {
	t.Helper()
	m, err := w.receive()
	if !errors.Is(err, mongosource.ErrBadReply) {
		t.Fatalf("%x, %v", m, err)
	}
	if _, again := w.client.Read(make([]byte, 1)); !errors.Is(again, mongosource.ErrBadReply) {
		t.Errorf("read again: %v", again)
	}
	w.sending.Wait()
	if _, err := w.server.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the server reads %v", err)
	}
}

// passes checks that m is handed on unchanged.
func (w *wire) passes(t *testing.T, m []byte) {
	t.Helper()
	w.send(m)
	got, err := w.receive()
	if err != nil || !bytes.Equal(got, m) {
		t.Fatalf("%d bytes, not %d, %v", len(got), len(m), err)
	}
}

var pong = bson.D{{Key: "ok", Value: 1}}

// TestGuardAnswers has a guarded connection refuse replies that answer no request, and accept the
// others.
func TestGuardAnswers(t *testing.T) {
	type step struct {
		request, reply int32 // one of the two is set
		flags          uint32
		refused        bool
	}
	for name, steps := range map[string][]step{
		"one after the other":             {{request: 5}, {reply: 5}, {request: 6}, {reply: 6}},
		"another":                         {{request: 5}, {reply: 6, refused: true}},
		"one that came late":              {{request: 5}, {request: 6}, {reply: 5, refused: true}},
		"one twice":                       {{request: 5}, {reply: 5}, {reply: 5, refused: true}},
		"one after an unanswered request": {{request: 5}, {request: 6}, {reply: 6}},
		"none":                            {{reply: 5, refused: true}},
		"more than was allowed":           {{request: 5}, {reply: 5, flags: moreToCome, refused: true}},
		"more": {
			{request: 5, flags: exhaust},
			{reply: 5, flags: moreToCome},
			{reply: 90, flags: moreToCome},
			{reply: 91},
			{request: 6},
			{reply: 6},
		},
		"more than were announced": {
			{request: 5, flags: exhaust},
			{reply: 5, flags: moreToCome},
			{reply: 90},
			{reply: 91, refused: true},
		},
		"one twice, where more may come": {{request: 5, flags: exhaust}, {reply: 5}, {reply: 5, refused: true}},
		"another, where more may come":   {{request: 5, flags: exhaust}, {reply: 6, flags: moreToCome, refused: true}},
		"more, after another request": {
			{request: 5, flags: exhaust},
			{reply: 5, flags: moreToCome},
			{request: 6},
			{reply: 90, refused: true},
		},
		"more, to a request after that": {
			{request: 5, flags: exhaust},
			{reply: 5},
			{request: 6},
			{reply: 6, flags: moreToCome, refused: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t, options.Client())
			for _, s := range steps {
				m := wireMessage(s.reply, kindMsg, s.flags, pong)
				switch {
				case s.request != 0:
					w.request(t, s.request, s.flags)
				case s.refused:
					w.send(m)
					w.refused(t)
				default:
					w.passes(t, m)
				}
			}
		})
	}
}

// TestGuardKinds has a guarded connection accept the kinds of messages that the driver reads.
func TestGuardKinds(t *testing.T) {
	for kind, taken := range map[uint32]bool{
		kindReply: true, kindMsg: true, 0: false, 2001: false, 2004: false,
		2012: false, 2014: false,
	} {
		w := newWire(t, options.Client())
		w.request(t, 5, 0)
		m := wireMessage(5, kind, 0, pong)
		if taken {
			w.passes(t, m)
			continue
		}
		w.send(m)
		w.refused(t)
	}
}

// TestGuardSizes has a guarded connection refuse impossible lengths.
func TestGuardSizes(t *testing.T) {
	const most = 48_000_000 + 16<<10
	for _, size := range []int32{0, 3, 4, 15, -1, -1 << 31, most + 1, 1<<31 - 1} {
		w := newWire(t, options.Client())
		w.request(t, 5, 0)
		m := wireMessage(5, kindMsg, 0, pong)
		binary.LittleEndian.PutUint32(m, uint32(size))
		w.send(m)
		w.refused(t)
	}
	for _, size := range []int{16, 17, 20, 21, most} { // the driver handles malformed messages
		w := newWire(t, options.Client())
		w.request(t, 5, 0)
		m := append(wireMessage(5, kindMsg, 0, pong)[:16], make([]byte, size-16)...)
		binary.LittleEndian.PutUint32(m, uint32(size))
		w.passes(t, m)
	}
}

// TestGuardPieces sends and reads messages byte by byte, with an expired deadline after each byte.
// They arrive whole.
func TestGuardPieces(t *testing.T) {
	w := newWire(t, options.Client())
	w.request(t, 5, exhaust)
	first, second := wireMessage(5, kindMsg, moreToCome, pong), wireMessage(90, kindMsg, 0, pong)
	both := append(bytes.Clone(first), second...)
	past := time.Unix(1, 0)
	var got []byte
	for _, b := range both {
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			_, _ = w.server.Write([]byte{b})
		}()
		if err := w.client.SetReadDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		interrupted := make(chan struct{})
		go func() {
			defer close(interrupted)
			<-sent // the guarded connection has read the byte
			_ = w.client.SetReadDeadline(past)
		}()
		p := make([]byte, 1)
		for {
			n, err := w.client.Read(p)
			got = append(got, p[:n]...)
			if err != nil {
				if !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Fatal(err)
				}
				break
			}
		}
		<-interrupted
	}
	if !bytes.Equal(got, both) {
		t.Errorf("%x, not %x", got, both)
	}
}

// TestGuardEnds closes the connection before a message, and in the middle of one.
func TestGuardEnds(t *testing.T) {
	m := wireMessage(5, kindMsg, 0, pong)
	for n, want := range map[int]error{
		0: io.EOF, 1: io.ErrUnexpectedEOF, 15: io.ErrUnexpectedEOF,
		16: io.ErrUnexpectedEOF, len(m) - 1: io.ErrUnexpectedEOF,
	} {
		w := newWire(t, options.Client())
		w.request(t, 5, 0)
		w.sending.Go(func() {
			_, _ = w.server.Write(m[:n])
			_ = w.server.Close()
		})
		if _, err := w.client.Read(make([]byte, 100)); err != want {
			t.Errorf("after %d bytes: %v, not %v", n, err, want)
		}
	}
}
