package mongosink_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/stream"
)

// gate is the network between a client and its server. Tests can slow it down and shut it.
type gate struct {
	mu     sync.Mutex
	state  string          // "open"; "slow": new connections hang; "shut": no connections
	asked  chan struct{}   // closed when a connection hangs
	opened <-chan struct{} // closed when hanging connections may proceed
}

func (g *gate) set(state string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.state = state
}

func (g *gate) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	g.mu.Lock()
	state := g.state
	if state == "slow" {
		select {
		case <-g.asked:
		default:
			close(g.asked)
		}
	}
	g.mu.Unlock()
	switch state {
	case "slow":
		select {
		case <-g.opened:
		case <-ctx.Done():
		}
		return nil, errors.New("no route")
	case "shut":
		return nil, errors.New("no route")
	}
	return new(net.Dialer).DialContext(ctx, network, addr)
}

// The server carries out a batch and the reply is lost. All connections, including the one for the
// repetition, are closed, and then there is no server for a while. When it is back, the sink settles
// the outcome.
func TestInsertCarriedOutAndPoolCleared(t *testing.T) {
	nameless := []bson.Raw{
		raw(t, bson.D{{Key: "n", Value: 1}}), raw(t, bson.D{{Key: "n", Value: 2}}),
		raw(t, bson.D{{Key: "n", Value: 3}}),
	}
	for name, c := range map[string]struct {
		docs     []bson.Raw
		timeout  bool // the client has a time limit
		deadline bool // the context has a deadline
		away     time.Duration
		settled  bool // all stored documents are counted as inserted
	}{
		"timeout":         {nameless, true, false, 1500 * time.Millisecond, true},
		"deadline":        {nameless, false, true, 1500 * time.Millisecond, true},
		"neither":         {nameless, false, false, 1500 * time.Millisecond, true},
		"with _id":        {numbered(t, 3), false, false, 1500 * time.Millisecond, true},
		"away for longer": {nameless, false, false, time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opened := make(chan struct{})
			g := &gate{asked: make(chan struct{}), opened: opened}
			srv, coll := serve(t, func(o *options.ClientOptions) {
				o.SetDialer(g).SetHeartbeatInterval(500 * time.Millisecond).SetServerSelectionTimeout(time.Second)
				if c.timeout {
					o.SetTimeout(3 * time.Second).SetServerSelectionTimeout(10 * time.Second)
				}
			})
			if err := coll.Database().Client().Ping(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			srv.Inject(mongotest.Fault{Command: "insert", Nth: 1, Delay: 200 * time.Millisecond, Lose: true})
			ended := make(chan struct{})
			var network sync.WaitGroup
			network.Go(func() {
				defer close(opened)
				for len(srv.Commands("insert")) == 0 {
					time.Sleep(5 * time.Millisecond)
				}
				g.set("slow")
				select {
				case <-g.asked:
				case <-ended:
					return
				}
				g.set("shut")
				srv.Disconnect()
				select {
				case <-time.After(c.away):
				case <-ended:
				}
				g.set("open")
			})
			ctx := t.Context()
			if c.deadline {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, time.Hour)
				defer cancel()
			}
			r, err := stream.Run(ctx, sourceOf(c.docs, nil),
				mongosink.Insert(coll, &mongosink.InsertOptions{RetryTimeout: 5 * time.Second}))
			close(ended)
			network.Wait()
			want := mongosink.InsertResult{Unknown: 3}
			if c.settled {
				want = mongosink.InsertResult{Inserted: 3, Bytes: size(c.docs), Batches: 1}
			}
			r.Batches = want.Batches
			if n := len(srv.Documents("shop", "cookies")); n != 3 || r != want || (err == nil) != c.settled ||
				errors.Is(err, mongosink.ErrOutcomeUnknown) == c.settled {
				t.Errorf("of 3 documents %d are stored; %+v, %v", n, r, err)
			}
		})
	}
}

// noConnection is like the driver's error for a batch that was not sent because another failure
// cleared the pool.
type noConnection struct{}

func (noConnection) Error() string   { return "the pool was cleared" }
func (noConnection) Retryable() bool { return true }

// A batch that was not sent is sent again until RetryTimeout. If it was never sent, the run can be
// repeated.
func TestInsertNeverSent(t *testing.T) {
	docs := numbered(t, 10)
	for times, sent := range map[int]bool{1: true, 9: true, 1000: false} {
		synctest.Test(t, func(t *testing.T) {
			f := &inserter{reply: func(call int, d []bson.Raw) (*mongo.BulkWriteResult, error) {
				if call < times {
					return &mongo.BulkWriteResult{}, noConnection{}
				}
				return inserted(len(d)), nil
			}}
			began := time.Now()
			r, err := stream.Run(t.Context(), sourceOf(docs, nil),
				mongosink.InsertBy(f.command, &mongosink.InsertOptions{RetryTimeout: time.Minute}))
			want := mongosink.InsertResult{Inserted: 10, Bytes: size(docs), Batches: 1}
			if !sent {
				want = mongosink.InsertResult{}
			}
			if r != want || (err == nil) != sent || time.Since(began) > time.Minute ||
				!sent && (stream.ClassOf(err) != stream.Retryable || time.Since(began) < 30*time.Second) {
				t.Errorf("%d times: %+v, %v (%v) after %v", times, r, err, stream.ClassOf(err), time.Since(began))
			}
		})
	}
}

// The reply to a batch that was sent again proves something about each document.
func TestInsertSentAgain(t *testing.T) {
	named := numbered(t, 4)
	nameless := make([]bson.Raw, 4)
	for i := range nameless {
		nameless[i] = raw(t, bson.D{{Key: "n", Value: i}})
	}
	const id, other = "E11000 duplicate key error collection: shop.cookies index: _id_ dup key: { _id: 1 }",
		"E11000 duplicate key error collection: shop.cookies index: name_1 dup key: { name: 1 }"
	exception := func(code int, text string, indexes ...int) mongo.BulkWriteException {
		var e mongo.BulkWriteException
		for _, i := range indexes {
			e.WriteErrors = append(e.WriteErrors,
				mongo.BulkWriteError{WriteError: mongo.WriteError{Index: i, Code: code, Message: text}})
		}
		return e
	}
	both := exception(11000, id, 0)
	both.WriteErrors = append(both.WriteErrors, exception(121, "", 2).WriteErrors...)
	concern := exception(11000, id, 0, 1, 2, 3)
	concern.WriteConcernError = &mongo.WriteConcernError{Code: 64}
	for name, c := range map[string]struct {
		docs    []bson.Raw
		n       int64 // number of inserted documents in the reply
		err     error
		ordered bool
		want    mongosink.InsertResult
		unknown bool
	}{
		"all inserted": {named, 4, nil, false, mongosink.InsertResult{
			Inserted: 4,
			Bytes:    size(named), Batches: 1,
		}, false},
		"all there, under ids of ours": {
			nameless, 0, exception(11000, id, 0, 1, 2, 3), false,
			mongosink.InsertResult{Inserted: 4, Bytes: size(nameless), Batches: 1},
			false,
		},
		"the same, ordered": {
			nameless, 0, exception(11000, id, 0), true,
			mongosink.InsertResult{Inserted: 4, Bytes: size(nameless), Batches: 4},
			false,
		},
		"the same, no write concern": {
			nameless, 0, concern, false,
			mongosink.InsertResult{Unknown: 4, Batches: 1},
			true,
		},
		"another key": {
			nameless, 2, exception(11000, other, 0, 1), false,
			mongosink.InsertResult{Inserted: 2, Unknown: 2, Bytes: size(nameless[2:]), Batches: 1},
			true,
		},
		"ids of the input": {
			named, 2, exception(11000, id, 0, 1), false,
			mongosink.InsertResult{Inserted: 2, Unknown: 2, Bytes: size(named[2:]), Batches: 1},
			true,
		},
		"ids of the input, ordered": {named, 1, exception(11000, id, 1), true, mongosink.InsertResult{
			Inserted: 1,
			Unknown:  3, Bytes: size(named[:1]), Batches: 1,
		}, true},
		"not valid": {named, 3, exception(121, "", 2), false, mongosink.InsertResult{
			Inserted: 3,
			Failed:   1, Bytes: size(named) - int64(len(named[2])), Batches: 1,
		}, false},
		"there and not valid": {nameless, 2, both, false, mongosink.InsertResult{
			Inserted: 3, Failed: 1,
			Bytes: size(nameless) - int64(len(nameless[2])), Batches: 1,
		}, false},
		"ids of the input, and not valid": {named, 2, both, false, mongosink.InsertResult{
			Inserted: 2, Failed: 1,
			Unknown: 1, Bytes: size(named[:2]), Batches: 1,
		}, true},
		"refused as a whole": {
			named, 0,
			mongo.CommandError{Code: 73, Message: "invalid namespace"},
			false,
			mongosink.InsertResult{Unknown: 4},
			true,
		},
		"client closed": {
			named, 0, mongo.ErrClientDisconnected, false,
			mongosink.InsertResult{Unknown: 4},
			true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := &inserter{reply: func(call int, _ []bson.Raw) (*mongo.BulkWriteResult, error) {
				if call == 0 {
					return nil, mongo.CommandError{Message: "cut", Labels: []string{"NetworkError"}}
				}
				return &mongo.BulkWriteResult{InsertedCount: c.n, Acknowledged: true}, c.err
			}}
			r, err := stream.Run(t.Context(), sourceOf(c.docs, nil),
				mongosink.InsertBy(f.command, &mongosink.InsertOptions{Ordered: c.ordered, RetryTimeout: time.Minute}))
			if r != c.want || errors.Is(err, mongosink.ErrOutcomeUnknown) != c.unknown ||
				(err == nil) != (c.want.Inserted == 4) {
				t.Errorf("%+v, %v; want %+v", r, err, c.want)
			}
			if first, second := f.batches[0], f.batches[1]; !equal(first, second) || len(first) != 4 {
				t.Errorf("sent first %v, then %v", first, second)
			}
			for _, d := range f.batches[0] {
				if e := d.Index(0); e.Key() != "_id" {
					t.Errorf("sent without an _id: %v", d)
				}
			}
		})
	}
}

// The driver repeats a command without end if its context has a deadline. The sink passes a
// context that has no deadline and ends with the run's.
func TestInsertDeadline(t *testing.T) {
	docs := numbered(t, 10)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		f := &inserter{delay: time.Hour}
		begin := time.Now()
		r, err := stream.Run(ctx, sourceOf(docs, nil), mongosink.InsertBy(f.command, nil))
		if !errors.Is(err, context.DeadlineExceeded) || r.Unknown != 10 || time.Since(begin) != time.Minute {
			t.Errorf("%v, %+v after %v", err, r, time.Since(begin))
		}
		if f.deadline {
			t.Error("the driver was given a deadline")
		}
	})
}

// Every attempt of a batch has the same number, and another batch has another one. Without
// retryable writes, by the server or the client, there are no numbers.
func TestInsertNumbers(t *testing.T) {
	for name, retryable := range map[string]bool{"replica set": true, "standalone": false, "client": false} {
		srv, coll := serveStandalone(t, name == "standalone",
			func(o *options.ClientOptions) { o.SetRetryWrites(name != "client") })
		srv.Inject(mongotest.Fault{Command: "insert", Nth: 1, Code: 262})
		srv.Inject(mongotest.Fault{Command: "insert", Nth: 2, Lose: true})
		r, err := stream.Run(t.Context(), sourceOf(numbered(t, 6), nil),
			mongosink.Insert(coll, &mongosink.InsertOptions{BatchDocuments: 3, Parallelism: 1}))
		if err != nil || r.Inserted+r.AlreadyThere != 6 {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
		var numbers []int64
		for _, c := range srv.Commands("insert") {
			if n, ok := c.Body.Lookup("txnNumber").AsInt64OK(); ok {
				numbers = append(numbers, n)
			}
		}
		if retryable != slices.Equal(numbers, []int64{1, 1, 1, 2}) || !retryable && len(numbers) > 0 {
			t.Errorf("%s: the numbers are %v", name, numbers)
		}
	}
}

// The driver's later writes in the session of an insert have higher numbers.
func TestInsertNumbersOfTheDriver(t *testing.T) {
	srv, coll := serve(t)
	for i := range 5 {
		if _, err := stream.Run(t.Context(), sourceOf(numbered(t, 40)[8*i:8*i+8], nil),
			mongosink.Insert(coll, &mongosink.InsertOptions{BatchDocuments: 2, Parallelism: 1})); err != nil {
			t.Fatal(err)
		}
		if _, err := coll.InsertOne(t.Context(), bson.D{{Key: "driver", Value: i}}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(srv.Documents("shop", "cookies")); n != 45 {
		t.Errorf("%d are stored", n)
	}
}

// A server that has sessions and says only when asked that it has no retryable writes.
func TestInsertNumbersRefused(t *testing.T) {
	srv, coll := serve(t)
	srv.Inject(mongotest.Fault{Command: "insert", Nth: 1, Code: 301, Text: "Retryable writes are not supported"})
	r, err := stream.Run(t.Context(), sourceOf(numbered(t, 30), nil),
		mongosink.Insert(coll, &mongosink.InsertOptions{BatchDocuments: 10, Parallelism: 1}))
	if sent := srv.Commands("insert"); err != nil || r.Inserted != 30 || len(sent) != 4 ||
		!sent[3].Body.Lookup("txnNumber").IsZero() {
		t.Errorf("%+v, %v; %d commands", r, err, len(sent))
	}
}

// If the server never answers, the run waits until its context ends.
func TestInsertDeadlineOnTheWire(t *testing.T) {
	srv, coll := serve(t)
	srv.Inject(mongotest.Fault{Command: "insert", Delay: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second) // the insert arrives in this time
	defer cancel()
	r, err := stream.Run(ctx, sourceOf(numbered(t, 3), nil), mongosink.Insert(coll, nil))
	if !errors.Is(err, context.DeadlineExceeded) || r.Unknown != 3 {
		t.Errorf("%+v, %v", r, err)
	}
}
