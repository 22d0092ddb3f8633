package main_test

import (
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/examples/internal/exectest"
)

// answer is the fate of a renameCollection command: whether the server receives it, and what the
// client gets in place of the server's reply.
type answer struct {
	carry bool          // forward the command before the reply
	late  time.Duration // forward it this long after the reply; 0 means never
	lose  bool          // close the connection instead of a reply
	doc   bson.D        // the reply in place of the server's
}

// database returns the URI of a proxy in front of the MongoDB server. The proxy applies one of
// answers to each renameCollection command, in order, and forwards all later commands.
func database(t *testing.T, w *exectest.World, answers ...answer) string {
	t.Helper()
	target, err := url.Parse(w.URI)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var open []net.Conn
	var running sync.WaitGroup
	next := func() *answer {
		mu.Lock()
		defer mu.Unlock()
		if len(answers) == 0 {
			return nil
		}
		a := answers[0]
		answers = answers[1:]
		return &a
	}
	dial := func() (net.Conn, error) {
		c, err := net.Dial("tcp", target.Host)
		if err == nil {
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
		}
		return c, err
	}
	serve := func(client net.Conn) {
		defer client.Close()
		server, err := dial()
		if err != nil {
			return
		}
		defer server.Close()
		for {
			request, err := message(client)
			if err != nil {
				return
			}
			var a *answer
			if strings.Contains(string(request), "\x02renameCollection\x00") {
				a = next()
			}
			var reply []byte
			if a == nil || a.carry {
				if reply, err = exchange(server, request); err != nil {
					return
				}
			}
			if a != nil && a.late > 0 {
				running.Go(func() {
					time.Sleep(a.late)
					if c, err := dial(); err == nil {
						_, _ = exchange(c, request) // the client does not wait for the reply
					}
				})
			}
			switch {
			case a != nil && a.lose:
				return
			case a != nil && a.doc != nil:
				reply = reworded(request, a.doc)
			}
			if _, err := client.Write(reply); err != nil {
				return
			}
		}
	}
	running.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			running.Go(func() { serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		mu.Lock()
		for _, c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		running.Wait()
	})
	// After a reply that a server is not the primary, the driver checks it again at once, not after
	// the usual 10 s.
	return "mongodb://" + listener.Addr().String() + "/?serverMonitoringMode=poll&heartbeatFrequencyMS=500"
}

// message reads a message of MongoDB's wire protocol.
func message(r io.Reader) ([]byte, error) {
	m := make([]byte, 16)
	if _, err := io.ReadFull(r, m); err != nil {
		return nil, err
	}
	m = append(m, make([]byte, binary.LittleEndian.Uint32(m)-16)...)
	_, err := io.ReadFull(r, m[16:])
	return m, err
}

func exchange(server net.Conn, request []byte) ([]byte, error) {
	if _, err := server.Write(request); err != nil {
		return nil, err
	}
	return message(server)
}

// reworded returns doc as the reply to request, in an OP_MSG.
func reworded(request []byte, doc bson.D) []byte {
	body, err := bson.Marshal(doc)
	if err != nil {
		panic(err)
	}
	m := make([]byte, 21, 21+len(body)) // with a request id and flags of 0, and a section of kind 0
	binary.LittleEndian.PutUint32(m, uint32(cap(m)))
	copy(m[8:12], request[4:8])
	binary.LittleEndian.PutUint32(m[12:], 2013)
	return append(m, body...)
}
