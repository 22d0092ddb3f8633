package mongosource_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

func every(n int) *mongosource.FindOptions { return &mongosource.FindOptions{BatchSize: n} }

func TestFindBatches(t *testing.T) {
	for _, n := range []int{0, 1, 9, 10, 11, 20, 21, 100} {
		docs := numbered(t, n)
		srv, coll := serve(t, docs)
		got, err := collect(t.Context(), mongosource.Find(coll, bson.D{}, every(10)))
		if err != nil || !equal(got, docs) {
			t.Errorf("%d documents: %d came, %v", n, len(got), err)
		}
		if open := srv.Cursors(); open != 0 {
			t.Errorf("%d documents: %d cursors are left", n, open)
		}
	}
}

func TestFindNoSuchCollection(t *testing.T) {
	_, coll := serve(t, nil)
	got, err := collect(t.Context(), mongosource.Find(coll.Database().Collection("absent"), bson.D{}, nil))
	if len(got) != 0 || err != nil {
		t.Errorf("%d documents, %v", len(got), err)
	}
}

// The options reach the server.
func TestFindCommand(t *testing.T) {
	srv, coll := serve(t, numbered(t, 3))
	_, err := collect(t.Context(), mongosource.Find(coll, bson.D{{Key: "name", Value: "cookie 1"}},
		&mongosource.FindOptions{
			Limit: 5, Skip: 0, Hint: "_id_", Comment: "nightly", NoCursorTimeout: true, AllowDiskUse: true,
			MaxTime:     time.Minute,
			ReadConcern: readconcern.Majority(), ReadPreference: readpref.SecondaryPreferred(),
		}))
	if err != nil {
		t.Fatal(err)
	}
	body := srv.Commands("find")[0].Body
	for field, want := range map[string]string{
		"filter": `{"name": "cookie 1"}`, "limit": `{"$numberLong":"5"}`, "batchSize": `{"$numberInt":"1000"}`,
		"hint":    `"_id_"`,
		"comment": `"nightly"`, "noCursorTimeout": "true", "allowDiskUse": "true",
		"readConcern":     `{"level": "majority"}`,
		"$readPreference": `{"mode": "secondaryPreferred"}`, "maxTimeMS": "",
	} {
		if got := body.Lookup(strings.Split(field, ".")...).String(); got != want {
			t.Errorf("%s is %s, want %s", field, got, want)
		}
	}
}

// M1: the connection is closed at any point of a scan. A scan that returns nil is complete.
func TestFindCut(t *testing.T) {
	docs := numbered(t, 50)
	rng := rand.New(rand.NewPCG(1, 2))
	whole, failed := 0, 0
	for i := range 60 {
		srv, coll := serve(t, docs, func(o *options.ClientOptions) { o.SetServerSelectionTimeout(5 * time.Second) })
		fault := mongotest.Fault{
			Command: []string{"find", "getMore"}[i%2], Nth: 1 + rng.IntN(4),
			Cut: 1 + rng.IntN(700), Reset: rng.IntN(2) == 0,
		}
		srv.Inject(fault)
		got, err := collect(t.Context(), mongosource.Find(coll, bson.D{}, every(10)))
		switch {
		case err == nil && equal(got, docs):
			whole++
		case err == nil:
			t.Fatalf("%+v: nil after %d documents of %d", fault, len(got), len(docs))
		case !mongo.IsNetworkError(err):
			t.Errorf("%+v: %v, want a network error", fault, err)
		case !equal(got, docs[:len(got)]):
			t.Errorf("%+v: what came before the error is not the beginning", fault)
		default:
			failed++
		}
	}
	if whole == 0 || failed == 0 {
		t.Errorf("%d runs were whole and %d failed: the cuts do not test both", whole, failed)
	}
}

// M2, M4, M9: the server ends a scan with an error, at any batch.
func TestFindServerErrors(t *testing.T) {
	docs := numbered(t, 35)
	for _, code := range []int32{
		43, 175, 237, 239, 13, 50, 6, 7, 89, 262, 9001, 134, 10107, 11600, 11602, 13435, 13436,
		189, 91,
	} {
		for _, nth := range []int{1, 3} {
			t.Run(fmt.Sprint(code, " at ", nth), func(t *testing.T) {
				t.Parallel()
				srv, coll := serve(t, docs)
				srv.Inject(mongotest.Fault{Command: "getMore", Nth: nth, Code: code})
				got, err := collect(t.Context(), mongosource.Find(coll, bson.D{}, every(10)))
				var server mongo.CommandError
				if !errors.As(err, &server) || server.Code != code {
					t.Errorf("%v, want the server's error %d", err, code)
				}
				if want := docs[:10*nth]; !equal(got, want) {
					t.Errorf("%d documents came before the error, want %d", len(got), len(want))
				}
				if lost := code == 43 || code == 237; errors.Is(err, mongosource.ErrCursorLost) != lost {
					t.Errorf("%v: ErrCursorLost is %v, want %v", err, !lost, lost)
				}
			})
		}
	}
}

// M4: the driver repeats the first request once; a second failure ends the run.
func TestFindFirstRequestRepeated(t *testing.T) {
	docs := numbered(t, 5)
	for _, code := range []int32{6, 7, 89, 9001, 262} {
		srv, coll := serve(t, docs)
		srv.Inject(mongotest.Fault{Command: "find", Nth: 1, Code: code})
		if got, err := collect(t.Context(), mongosource.Find(coll, bson.D{}, nil)); err != nil || !equal(got, docs) {
			t.Errorf("%d once: %d documents, %v", code, len(got), err)
		}
		srv.Inject(mongotest.Fault{Command: "find", Code: code})
		if _, err := collect(t.Context(), mongosource.Find(coll, bson.D{}, nil)); err == nil {
			t.Errorf("%d always: nil", code)
		}
	}
}

// M3: the server forgets the cursor while the downstream is busy.
func TestFindCursorLost(t *testing.T) {
	srv, coll := serve(t, numbered(t, 30))
	n := 0
	err := mongosource.Find(coll, bson.D{}, every(10)).Each(t.Context(), func(bson.Raw) error {
		if n++; n == 20 {
			srv.ForgetCursors()
		}
		return nil
	})
	if !errors.Is(err, mongosource.ErrCursorLost) || n != 20 {
		t.Errorf("after %d documents: %v", n, err)
	}
}

// M11 to M13: unusual names and documents pass unchanged.
func TestFindOddities(t *testing.T) {
	var docs []bson.Raw
	for _, body := range []string{
		"\x10\x00\x01\x00\x00\x00",                               // an empty key
		"\x10$set\x00\x01\x00\x00\x00",                           // a key like an operator
		"\x10a.b\x00\x01\x00\x00\x00",                            // a dot
		"\x10a\x00\x01\x00\x00\x00\x10a\x00\x02\x00\x00\x00",     // a key twice
		"\x02a\x00\x03\x00\x00\x00\xff\xfe\x00",                  // invalid UTF-8
		"\x10\xff\xfe\x00\x01\x00\x00\x00",                       // in a key
		"\x04a\x00\x0c\x00\x00\x00\x107\x00\x01\x00\x00\x00\x00", // an array whose index is 7
		"\x01a\x00\x01\x00\x00\x00\x00\x00\xf0\x7f",              // a NaN with a payload
	} {
		d := append([]byte{0, 0, 0, 0}, body+"\x07_id\x00abcdefghijkl\x00"...)
		binary.LittleEndian.PutUint32(d, uint32(len(d)))
		docs = append(docs, d)
	}
	srv, coll := serve(t, docs)
	got, err := collect(t.Context(), mongosource.Find(coll, bson.D{}, nil))
	if err != nil || !equal(got, docs) {
		t.Errorf("%d documents came of %d, or they differ: %v", len(got), len(docs), err)
	}
	for _, name := range []string{
		"a b", "a\nb", "a/b", "a.b", "a$b", "Käse", "system.views",
		strings.Repeat("n", 240),
	} {
		srv.Add("shop", name, docs[:3]...)
		odd := coll.Database().Collection(name)
		if got, err := collect(t.Context(), mongosource.Find(odd, bson.D{}, every(1))); err != nil ||
			!equal(got, docs[:3]) {
			t.Errorf("%q: %d documents, %v", name, len(got), err)
		}
		srv.ForgetCursors()
	}
}

// M14: the largest documents.
func TestFindLargest(t *testing.T) {
	var docs []bson.Raw
	for _, size := range []int{16 << 20, 16<<20 + 16<<10} {
		docs = append(docs, raw(t, bson.D{{Key: "_id", Value: size}, {Key: "b", Value: make([]byte, size-32)}}))
	}
	_, coll := serve(t, docs)
	got, err := collect(t.Context(), mongosource.Find(coll, bson.D{}, nil))
	if err != nil || !equal(got, docs) {
		t.Errorf("%d documents, %v", len(got), err)
	}
}

// M15, M16: an invalid document ends the run with an error that says where the damage is. The run
// never returns too few documents without an error.
func TestFindMalformed(t *testing.T) {
	validate := &mongosource.FindOptions{Validate: true}
	sound := raw(t, bson.D{
		{Key: "_id", Value: 7},
		{Key: "s", Value: "text"},
		{Key: "d", Value: bson.D{{Key: "x", Value: 1.5}}},
		{Key: "t", Value: true},
	})
	for i := 4; i < len(sound)-1; i++ {
		for _, b := range []byte{0x00, 0x05, 0x7f, 0xff} {
			bad := append(bson.Raw(nil), sound...)
			bad[i] = b
			_, coll := serve1(t, sound, bad, sound)
			got, err := collect(t.Context(), mongosource.Find(coll, bson.D{}, validate))
			if err == nil && len(got) != 3 {
				t.Fatalf("byte %d = %#x: nil after %d documents", i, b, len(got))
			}
			if err == nil && bad.Validate() != nil {
				t.Errorf("byte %d = %#x: passed, but the driver finds: %v", i, b, bad.Validate())
			}
		}
	}
	bad := append(bson.Raw(nil), sound...)
	bad[4+4+1+4] = 0x99 // the type of s
	_, coll := serve1(t, sound, bad)
	_, err := collect(t.Context(), mongosource.Find(coll, bson.D{}, validate))
	var m *mongosource.MalformedError
	if !errors.As(err, &m) || m.Index != 1 || m.Offset != 13 || m.ID.String() != `{"$numberInt":"7"}` {
		t.Errorf("%v (%+v)", err, m)
	}

	// a document nested a million levels deep
	inner := []byte{5, 0, 0, 0, 0}
	levels := 1_000_000
	bomb := make([]byte, 0, 8*levels+5)
	for n := levels; n > 0; n-- {
		bomb = binary.LittleEndian.AppendUint32(bomb, uint32(8*n+5))
		bomb = append(bomb, 3, 'a', 0)
	}
	bomb = append(bomb, inner...)
	bomb = append(bomb, make([]byte, levels)...)
	_, coll = serve1(t, bomb)
	if _, err := collect(t.Context(), mongosource.Find(coll, bson.D{}, validate)); !errors.As(err, &m) {
		t.Errorf("a depth bomb: %v", err)
	}
}

// A batch with an element that is not a document, and a malformed reply, end the run with an error,
// even without Validate.
func TestFindMalformedReply(t *testing.T) {
	text := bson.D{{Key: "cursor", Value: bson.D{
		{Key: "nextBatch", Value: bson.A{bson.D{}, "text"}},
		{Key: "id", Value: int64(0)},
		{Key: "ns", Value: "shop.cookies"},
	}}, {Key: "ok", Value: 1}}
	for name, reply := range map[string]bson.Raw{
		"a string in the batch": raw(t, text),
		"no cursor":             raw(t, bson.D{{Key: "ok", Value: 1}}),
		"no batch": raw(t, bson.D{
			{Key: "cursor", Value: bson.D{{Key: "id", Value: int64(0)}}},
			{Key: "ok", Value: 1},
		}),
		"an id of no number": raw(t,
			bson.D{
				{Key: "cursor", Value: bson.D{{Key: "id", Value: "x"}, {Key: "nextBatch", Value: bson.A{}}}},
				{Key: "ok", Value: 1},
			}),
		"empty": bson.Raw("\x05\x00\x00\x00\x00"),
		"cut":   raw(t, text)[:30],
	} {
		srv, coll := serve(t, numbered(t, 30))
		srv.Inject(mongotest.Fault{Command: "getMore", Nth: 1, Reply: reply})
		got, err := collect(t.Context(), mongosource.Find(coll, bson.D{}, every(10)))
		if err == nil {
			t.Errorf("%s: nil after %d documents", name, len(got))
		}
		var m *mongosource.MalformedError
		if name == "a string in the batch" && (!errors.As(err, &m) || m.Index != 11) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// serve1 returns a new collection with docs, on a server that this test's collections share.
func serve1(t *testing.T, docs ...bson.Raw) (*mongotest.Server, mongosource.Finder) {
	t.Helper()
	srv, coll := sharedServer(t)
	name := fmt.Sprint(rand.Uint64())
	srv.Add("shop", name, docs...)
	return srv, coll.Database().Collection(name)
}

var shared struct {
	srv  *mongotest.Server
	coll *mongo.Collection
	test *testing.T
}

func sharedServer(t *testing.T) (*mongotest.Server, *mongo.Collection) {
	t.Helper()
	if shared.test != t {
		shared.srv, shared.coll = serve(t, nil)
		shared.test = t
	}
	return shared.srv, shared.coll
}

// M17: the cursor is closed on the server whenever a run ends early.
func TestFindClosesItsCursor(t *testing.T) {
	broken := errors.New("broken")
	for name, run := range map[string]func(ctx context.Context, cancel context.CancelCauseFunc,
		src stream.Source[bson.Raw]) error{
		"early end": func(ctx context.Context, _ context.CancelCauseFunc, src stream.Source[bson.Raw]) error {
			_, err := collect(ctx, stream.Via(src, stream.Take[bson.Raw](5)))
			return err
		},
		"downstream's error": func(ctx context.Context, _ context.CancelCauseFunc, src stream.Source[bson.Raw]) error {
			if err := src.Each(ctx,
				func(bson.Raw) error { return broken }); err != broken { //nolint:errorlint // unchanged
				return fmt.Errorf("not as it is: %w", err)
			}
			return nil
		},
		"cancellation": func(ctx context.Context, cancel context.CancelCauseFunc, src stream.Source[bson.Raw]) error {
			err := src.Each(ctx, func(bson.Raw) error {
				cancel(broken)
				return nil
			})
			if err != broken { //nolint:errorlint // unchanged
				return fmt.Errorf("not as it is: %w", err)
			}
			return nil
		},
		"panic": func(ctx context.Context, _ context.CancelCauseFunc, src stream.Source[bson.Raw]) error {
			defer func() { recover() }()
			src.Each(ctx, func(bson.Raw) error { panic("broken") })
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv, coll := serve(t, numbered(t, 100))
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			begin := time.Now()
			if err := run(ctx, cancel, mongosource.Find(coll, bson.D{}, every(10))); err != nil {
				t.Error(err)
			}
			if took := time.Since(begin); took > 20*time.Second {
				t.Errorf("it took %v", took)
			}
			if kills := len(srv.Commands("killCursors")); kills != 1 || srv.Cursors() != 0 {
				t.Errorf("%d killCursors, %d cursors left", kills, srv.Cursors())
			}
		})
	}
}

// If a cancellation comes while the driver waits for the server, the run returns the cause and
// closes the cursor.
func TestFindCancelledWaiting(t *testing.T) {
	for _, c := range []struct {
		command string
		kills   int
	}{{"find", 0}, {"getMore", 1}} {
		t.Run(c.command, func(t *testing.T) {
			srv, coll := serve(t, numbered(t, 100))
			srv.Inject(mongotest.Fault{Command: c.command, Delay: time.Hour})
			ctx, cancel := context.WithCancelCause(t.Context())
			cause := errors.New("enough")
			go func() {
				for len(srv.Commands(c.command)) == 0 {
					time.Sleep(time.Millisecond)
				}
				cancel(cause)
			}()
			_, err := collect(ctx, mongosource.Find(coll, bson.D{}, every(10)))
			if err != cause { //nolint:errorlint // unchanged
				t.Errorf("%v, want the cause", err)
			}
			if kills := len(srv.Commands("killCursors")); kills != c.kills {
				t.Errorf("%d killCursors", kills)
			}
		})
	}
}

// The driver repeats a request that the server refuses once, whatever the time limit, so that the
// error has the server's reason.
func TestFindRepetitions(t *testing.T) {
	for _, name := range []string{"plain", "MaxTime", "deadline"} {
		srv, coll := serve(t, numbered(t, 10))
		srv.Inject(mongotest.Fault{Command: "find", Code: 91})
		ctx, opts := t.Context(), &mongosource.FindOptions{}
		switch name {
		case "MaxTime":
			opts.MaxTime = time.Minute
		case "deadline":
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, time.Minute)
			defer cancel()
		}
		_, err := collect(ctx, mongosource.Find(coll, bson.D{}, opts))
		var server mongo.CommandError
		if n := len(srv.Commands("find")); n != 2 || !errors.As(err, &server) || server.Code != 91 {
			t.Errorf("%s: asked %d times, %v", name, n, err)
		}
	}
}

// The time of the downstream does not count as the server's.
func TestFindMaxTime(t *testing.T) {
	docs := numbered(t, 30)
	srv, coll := serve(t, docs)
	src := mongosource.Find(coll, bson.D{}, &mongosource.FindOptions{BatchSize: 10, MaxTime: 300 * time.Millisecond})
	n := 0
	if err := src.Each(t.Context(), func(bson.Raw) error {
		n++
		time.Sleep(15 * time.Millisecond)
		return nil
	}); err != nil || n != 30 {
		t.Errorf("a slow downstream: %d documents, %v", n, err)
	}
	srv.Inject(mongotest.Fault{Command: "getMore", Delay: 200 * time.Millisecond})
	got, err := collect(t.Context(), src)
	if !errors.Is(err, mongosource.ErrMaxTime) || len(got) != 20 || srv.Cursors() != 0 {
		t.Errorf("a slow server: %d documents, %d cursors left, %v", len(got), srv.Cursors(), err)
	}
	srv.Heal()
	srv.Inject(mongotest.Fault{Command: "find", Delay: time.Second})
	if _, err := collect(t.Context(), src); !errors.Is(err, mongosource.ErrMaxTime) {
		t.Errorf("a slow find: %v", err)
	}
}

// M20: without a free connection, or without a server, the wait is bounded and the error says why.
func TestFindNoConnection(t *testing.T) {
	srv, coll := serve(t, numbered(t, 20), func(o *options.ClientOptions) {
		o.SetMaxPoolSize(1).SetServerSelectionTimeout(300 * time.Millisecond)
	})
	srv.Inject(mongotest.Fault{Command: "getMore", Delay: time.Minute})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := collect(ctx, mongosource.Find(coll, bson.D{}, every(10)))
		done <- err
	}()
	for len(srv.Commands("getMore")) == 0 {
		time.Sleep(time.Millisecond)
	}
	begin := time.Now()
	_, err := collect(t.Context(), mongosource.Find(coll, bson.D{},
		&mongosource.FindOptions{MaxTime: 200 * time.Millisecond}))
	if !errors.Is(err, mongosource.ErrMaxTime) || !mongo.IsTimeout(err) || time.Since(begin) > 50*time.Second {
		t.Errorf("with the pool's only connection taken: %v after %v", err, time.Since(begin))
	}
	if queries := len(srv.Commands("find")); queries != 1 {
		t.Errorf("%d queries arrived, want 1: the pool was not exhausted", queries)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	srv.Close()
	begin = time.Now()
	if _, err := collect(t.Context(), mongosource.Find(coll, bson.D{}, nil)); err == nil ||
		time.Since(begin) > 20*time.Second {
		t.Errorf("without a server: %v after %v", err, time.Since(begin))
	}
}
