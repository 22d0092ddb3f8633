package mongosource_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// inside returns a document that nests d under the keys, the outermost first.
func inside(d bson.D, keys ...string) bson.D {
	for i := len(keys) - 1; i >= 0; i-- {
		d = bson.D{{Key: keys[i], Value: d}}
	}
	return d
}

// TestGuardFields has a guarded connection refuse fields whose types make the driver panic.
func TestGuardFields(t *testing.T) {
	now := bson.Timestamp{T: 1, I: 2}
	for _, c := range []struct {
		field bson.E
		taken bool
	}{
		{bson.E{Key: "$clusterTime", Value: bson.D{{Key: "clusterTime", Value: now}}}, true},
		{bson.E{Key: "$clusterTime", Value: bson.D{}}, true},
		{bson.E{Key: "$clusterTime", Value: bson.D{{Key: "clusterTime", Value: "x"}}}, false},
		{bson.E{Key: "$clusterTime", Value: now}, false},
		{bson.E{Key: "operationTime", Value: now}, true},
		{bson.E{Key: "operationTime", Value: int64(1)}, false},
		{bson.E{Key: "atClusterTime", Value: now}, true},
		{bson.E{Key: "atClusterTime", Value: bson.D{}}, false},
		{bson.E{Key: "recoveryToken", Value: bson.D{}}, true},
		{bson.E{Key: "recoveryToken", Value: bson.A{}}, false},
		{bson.E{Key: "cursor", Value: bson.D{{Key: "atClusterTime", Value: now}}}, true},
		{bson.E{Key: "cursor", Value: bson.D{}}, true},
		{bson.E{Key: "cursor", Value: 1}, true}, // the driver returns an error for it
		{bson.E{Key: "cursor", Value: bson.D{{Key: "atClusterTime", Value: "x"}}}, false},
		{bson.E{Key: "speculativeAuthenticate", Value: 1}, true},
		{bson.E{Key: "other", Value: "x"}, true},
	} {
		for _, kind := range []uint32{kindReply, kindMsg} {
			w := newWire(t, options.Client())
			w.request(t, 5, 0)
			m := wireMessage(5, kind, 0, bson.D{{Key: "ok", Value: 1}, c.field, {Key: "last", Value: 1}})
			if c.taken {
				w.passes(t, m)
				continue
			}
			w.send(m)
			w.refused(t)
		}
	}
}

// TestGuardSections has a guarded connection check each document of a message.
func TestGuardSections(t *testing.T) {
	good, bad := hostileDoc(pong), hostileDoc(bson.D{{Key: "operationTime", Value: "x"}})
	// a section of kind 1, whose documents the driver skips
	sequence := append([]byte{1, byte(4 + 2 + len(bad)), 0, 0, 0, 'a', 0}, bad...)
	one := func(doc bson.Raw) []byte { return append([]byte{0}, doc...) }
	for _, c := range []struct {
		sections [][]byte
		taken    bool
	}{
		{[][]byte{one(good)}, true},
		{[][]byte{one(good), one(good)}, true},
		{[][]byte{one(good), one(bad)}, false},
		{[][]byte{one(bad), one(good)}, false},
		{[][]byte{sequence, one(good)}, true},
		{[][]byte{sequence, one(bad)}, false},
	} {
		w := newWire(t, options.Client())
		w.request(t, 5, 0)
		m := wireMessage(5, kindMsg, 0, pong)[:20]
		for _, s := range c.sections {
			m = append(m, s...)
		}
		m = sized(uint32(len(m)))(m)
		if c.taken {
			w.passes(t, m)
			continue
		}
		w.send(m)
		w.refused(t)
	}
}

// TestGuardIterations has a guarded connection refuse an authentication that would take hours, in
// every form that the driver reads.
func TestGuardIterations(t *testing.T) {
	for count, taken := range map[string]bool{
		"4096": true, "15000": true, "1000000": true, "0": true, "x": true, "-1": true,
		"1000001": false, "+1000001": false, "2000000000": false, "99999999999999999999": false,
	} {
		text := fmt.Sprintf("r=abc,s=c2FsdA==,i=%s,x=1", count)
		for _, payload := range []any{
			bson.Binary{Data: []byte(text)},
			bson.Binary{Subtype: bson.TypeBinaryBinaryOld, Data: []byte(text)},
			text,
			bson.Symbol(text),
		} {
			for _, key := range []string{"payload", "Payload", "PAYLOAD"} {
				for _, within := range [][]string{nil, {"speculativeAuthenticate"}} {
					w := newWire(t, options.Client())
					w.request(t, 5, 0)
					m := wireMessage(5, kindMsg, 0, inside(bson.D{{Key: key, Value: payload}}, within...))
					if taken {
						w.passes(t, m)
						continue
					}
					w.send(m)
					w.refused(t)
				}
			}
		}
	}
}

// TestGuardedAuthentication has a server ask a client with a password for 2 billion iterations.
func TestGuardedAuthentication(t *testing.T) {
	for _, payload := range []any{
		bson.Binary{Data: []byte("r=abc,s=c2FsdA==,i=2000000000")},
		"r=abc,s=c2FsdA==,i=2000000000",
	} {
		srv := mongotest.NewServer()
		defer srv.Close()
		srv.Inject(mongotest.Fault{Command: "saslStart", Reply: hostileDoc(bson.D{
			{Key: "ok", Value: 1},
			{Key: "conversationId", Value: 1},
			{Key: "payload", Value: payload},
			{Key: "done", Value: false},
		})})
		o := options.Client().ApplyURI(srv.URI()).SetAuth(options.Credential{Username: "user", Password: "pencil"})
		client, err := mongo.Connect(mongosource.Guard(o))
		if err != nil {
			t.Fatal(err)
		}
		defer client.Disconnect(context.WithoutCancel(t.Context()))
		_, err = stream.Run(t.Context(), mongosource.Find(client.Database("shop").Collection("cookies"), bson.D{}, nil),
			sink.Slice[bson.Raw]())
		if !errors.Is(err, mongosource.ErrBadReply) {
			t.Errorf("%T: %v", payload, err)
		}
		if len(srv.Commands("saslStart")) == 0 {
			t.Errorf("%T: no authentication was begun", payload)
		}
	}
}

// TestGuardLateReply delays the reply to a find until the client has given up and sent another find
// on the only connection.
func TestGuardLateReply(t *testing.T) {
	for name, giveUp := range map[string]func(context.Context, <-chan struct{}) context.Context{
		"canceled": func(ctx context.Context, held <-chan struct{}) context.Context {
			ctx, cancel := context.WithCancel(ctx)
			go func() {
				<-held
				cancel()
			}()
			return ctx
		},
		// the driver reads and drops the late reply
		"timed out": func(ctx context.Context, _ <-chan struct{}) context.Context {
			ctx, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
			t.Cleanup(cancel)
			return ctx
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := mongotest.NewServer()
			defer srv.Close()
			for i := range 10 {
				srv.Add("shop", "cookies", hostileDoc(bson.D{{Key: "_id", Value: i}}))
			}
			release, held := make(chan struct{}), make(chan struct{})
			srv.Inject(mongotest.Fault{Command: "find", Nth: 1, Wire: func(m []byte) []byte {
				close(held)
				<-release
				return m
			}})
			client, err := mongo.Connect(mongosource.Guard(options.Client().ApplyURI(srv.URI()).SetMaxPoolSize(1)))
			if err != nil {
				t.Fatal(err)
			}
			defer client.Disconnect(context.WithoutCancel(t.Context()))
			find := func(ctx context.Context, id int) ([]bson.Raw, error) {
				coll := client.Database("shop").Collection("cookies")
				return stream.Run(ctx, mongosource.Find(coll, bson.D{{Key: "_id", Value: id}}, nil),
					sink.Slice[bson.Raw]())
			}
			docs, err := find(giveUp(t.Context(), held), 3)
			close(release)
			if err == nil {
				t.Errorf("the first find: %v", docs)
			}
			docs, err = find(t.Context(), 4)
			if err != nil || len(docs) != 1 || docs[0].Lookup("_id").AsInt64() != 4 {
				t.Errorf("%v, %v", docs, err)
			}
		})
	}
}
