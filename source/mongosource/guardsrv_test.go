package mongosource_test

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/source/mongosource"
)

// TestGuardSRV has a guarded client find its server by DNS. TLS is on without an option, and checks
// the name in the record.
func TestGuardSRV(t *testing.T) {
	ours := newAuthority(t)
	resolver := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = resolver })
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go answerSRV(server, "db1.example.org", 27018)
		return client, nil
	}}
	for name, c := range map[string]struct {
		server tls.Certificate
		reads  bool
	}{
		"the name in the record":  {ours.issue(t, nil, "db1.example.org"), true},
		"the name in the URI":     {ours.issue(t, nil, "cluster.example.org"), false},
		"a name of another place": {ours.issue(t, nil, "db2.example.org"), false},
	} {
		srv := oneCookie(t)
		// a standalone server: a member of a replica set would announce its own address
		srv.Inject(mongotest.Fault{Command: "hello", Reply: hostileDoc(bson.D{
			{Key: "ok", Value: 1},
			{Key: "isWritablePrimary", Value: true},
			{Key: "minWireVersion", Value: 0},
			{Key: "maxWireVersion", Value: 25},
		})})
		f := newFront(t, srv.Addr(), &tls.Config{Certificates: []tls.Certificate{c.server}})
		o := options.Client().ApplyURI("mongodb+srv://cluster.example.org/").SetDialer(f)
		if err := o.Validate(); err != nil || o.TLSConfig == nil {
			t.Fatal(err)
		}
		o.TLSConfig.RootCAs = ours.pool()
		if !c.reads {
			o.SetServerSelectionTimeout(time.Second)
		}
		docs, err := readAll(t, mongosource.Guard(o))
		if (err == nil) != c.reads || c.reads && !slices.EqualFunc(docs, []int64{1}, func(d bson.Raw, id int64) bool {
			return d.Lookup("_id").AsInt64() == id
		}) {
			t.Errorf("%s: %v, %v", name, docs, err)
		}
		if got := f.names(); !slices.Equal(got, []string{"db1.example.org"}) {
			t.Errorf("%s: the client asked for %q", name, got)
		}
	}
}

// answerSRV answers the requests on conn, as a DNS server over TCP does (RFC 1035). The SRV record
// of every name has target and port, and there are no other records.
func answerSRV(conn net.Conn, target string, port uint16) {
	defer conn.Close()
	const headerBytes, typeSRV = 12, 33
	for {
		var length [2]byte
		if _, err := io.ReadFull(conn, length[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(conn, query); err != nil {
			return
		}
		end := headerBytes // end of the question
		for query[end] != 0 {
			end += 1 + int(query[end])
		}
		end += 1 + 4 // its type and class
		answer := append([]byte{query[0], query[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, query[headerBytes:end]...)
		if binary.BigEndian.Uint16(query[end-4:]) == typeSRV {
			answer[7] = 1                                                     // one answer
			answer = append(answer, 0xc0, headerBytes, 0, typeSRV, 0, 1)      // for the name in the question
			answer = append(answer, 0, 0, 0x0e, 0x10)                         // valid for an hour
			record := binary.BigEndian.AppendUint16([]byte{0, 0, 0, 0}, port) // after priority and weight
			for label := range strings.SplitSeq(target, ".") {
				record = append(append(record, byte(len(label))), label...)
			}
			record = append(record, 0)
			answer = append(binary.BigEndian.AppendUint16(answer, uint16(len(record))), record...)
		}
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))),
			answer...)); err != nil {
			return
		}
	}
}
