package mongotest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
)

// The driver's own operations, as a user's test calls them.
func TestOperations(t *testing.T) {
	srv := mongotest.NewServer()
	db := connect(t, srv).Database("shop")
	coll, ctx := db.Collection("cookies"), t.Context()
	if err := db.Client().Ping(ctx, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := coll.InsertMany(ctx, []bson.D{
		{{Key: "_id", Value: 1}, {Key: "kind", Value: "a"}},
		{{Key: "_id", Value: 2}, {Key: "kind", Value: "b"}},
		{{Key: "_id", Value: 3}, {Key: "kind", Value: "a"}},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := coll.InsertOne(ctx, bson.D{{Key: "_id", Value: 2}}); !mongo.IsDuplicateKeyError(err) {
		t.Errorf("a second 2: %v", err)
	}
	count := func(filter bson.D) int64 {
		n, err := coll.CountDocuments(ctx, filter)
		if err != nil {
			t.Error(err)
		}
		return n
	}
	if n, err := coll.EstimatedDocumentCount(ctx); n != 3 || err != nil || count(bson.D{}) != 3 ||
		count(bson.D{{Key: "kind", Value: "a"}}) != 2 || count(bson.D{{Key: "kind", Value: "c"}}) != 0 {
		t.Errorf("wrong counts, or %d, %v", n, err)
	}
	var found bson.D
	if err := coll.FindOne(ctx, bson.D{{Key: "kind", Value: "b"}}).Decode(&found); err != nil ||
		fmt.Sprint(found) != `{"_id":{"$numberInt":"2"},"kind":"b"}` {
		t.Errorf("%v, %v", found, err)
	}
	if err := coll.FindOne(ctx, bson.D{{Key: "_id", Value: 9}}).Err(); !errors.Is(err, mongo.ErrNoDocuments) {
		t.Error(err)
	}
	for _, c := range []struct{ skip, limit, want int64 }{{0, 2, 2}, {2, 0, 1}, {5, 0, 0}, {1, 1, 1}} {
		cur, err := coll.Find(ctx, bson.D{}, options.Find().SetSkip(c.skip).SetLimit(c.limit).SetBatchSize(1))
		var all []bson.D
		if err != nil || cur.All(ctx, &all) != nil || int64(len(all)) != c.want {
			t.Errorf("%+v: %v, %v", c, all, err)
		}
	}
	if err := db.CreateCollection(ctx, "empty"); err != nil {
		t.Error(err)
	}
	if err := db.CreateCollection(ctx, "empty"); err == nil {
		t.Error("a collection was made twice")
	}
	if names, err := db.ListCollectionNames(ctx, bson.D{}); fmt.Sprint(names) != "[cookies empty]" || err != nil {
		t.Errorf("%v, %v", names, err)
	}
	if names, err := db.Client().ListDatabaseNames(ctx, bson.D{}); fmt.Sprint(names) != "[shop]" || err != nil {
		t.Errorf("%v, %v", names, err)
	}
	if err := coll.Drop(ctx); err != nil || len(srv.Documents("shop", "cookies")) != 0 {
		t.Error(err)
	}
	if err := db.Drop(ctx); err != nil {
		t.Error(err)
	}
	if names, err := db.ListCollectionNames(ctx, bson.D{}); len(names) != 0 || err != nil {
		t.Errorf("%v, %v", names, err)
	}
}

// The server refuses unknown commands and options instead of ignoring them.
func TestRefusals(t *testing.T) {
	srv := mongotest.NewServer()
	coll := connect(t, srv).Database("shop").Collection("cookies")
	ctx := t.Context()
	for name, filter := range map[string]bson.D{
		"operator":     {{Key: "a", Value: bson.D{{Key: "$mod", Value: bson.A{4, 0}}}}},
		"expression":   {{Key: "$expr", Value: bson.D{{Key: "$add", Value: bson.A{"$a", 1}}}}},
		"variable":     {{Key: "$expr", Value: bson.D{{Key: "$gt", Value: bson.A{"$$NOW", 1}}}}},
		"top operator": {{Key: "$where", Value: "true"}},
		"no filters":   {{Key: "$or", Value: bson.A{}}},
		"pattern":      {{Key: "a", Value: bson.Regex{Pattern: "a(?=b)"}}},
	} {
		if _, err := coll.Find(ctx, filter); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for name, fields := range map[string]bson.D{
		"slice":    {{Key: "a", Value: bson.D{{Key: "$slice", Value: 1}}}},
		"computed": {{Key: "a", Value: "$b"}},
		"mixed":    {{Key: "a", Value: 1}, {Key: "b", Value: 0}},
	} {
		if _, err := coll.Find(ctx, bson.D{}, options.Find().SetProjection(fields)); err == nil {
			t.Errorf("projection, %s: no error", name)
		}
	}
	if _, err := coll.Find(ctx, bson.D{}, options.Find().SetSort(bson.D{{Key: "$meta", Value: 1}})); err == nil {
		t.Error("sort: no error")
	}
	if _, err := coll.UpdateOne(ctx, bson.D{}, bson.D{{Key: "$bit", Value: bson.D{{Key: "a", Value: 1}}}}); err == nil {
		t.Error("update: no error")
	}
	if _, err := coll.Aggregate(ctx, mongo.Pipeline{{{Key: "$lookup", Value: bson.D{}}}}); err == nil {
		t.Error("aggregate: no error")
	}
	if _, err := coll.InsertOne(ctx, bson.D{{Key: "b", Value: make([]byte, mongotest.MaxDocumentBytes)}}); err == nil {
		t.Error("a document over 16 MiB: no error")
	}
}

func TestFaults(t *testing.T) {
	doc, _ := bson.Marshal(bson.D{{Key: "_id", Value: 1}})
	for name, c := range map[string]struct {
		fault mongotest.Fault
		want  func(error) bool
	}{
		"code": {mongotest.Fault{Code: 13}, func(err error) bool {
			var e mongo.CommandError
			return errors.As(err, &e) && e.Name == "Unauthorized"
		}},
		"text": {mongotest.Fault{Code: 1, Text: "no", Labels: []string{"Odd"}}, func(err error) bool {
			var e mongo.CommandError
			return errors.As(err, &e) && e.Message == "no" && e.HasErrorLabel("Odd")
		}},
		"close": {mongotest.Fault{Close: true}, mongo.IsNetworkError},
		"lose":  {mongotest.Fault{Lose: true, Reset: true}, mongo.IsNetworkError},
		"cut":   {mongotest.Fault{Cut: 30}, mongo.IsNetworkError},
		"reply": {mongotest.Fault{Reply: bson.Raw("\x05\x00\x00\x00\x00")}, func(err error) bool { return err != nil }},
		"other": {mongotest.Fault{Command: "insert", Code: 13}, func(err error) bool { return err == nil }},
		"delay": {mongotest.Fault{Delay: time.Millisecond}, func(err error) bool { return err == nil }},
	} {
		t.Run(name, func(t *testing.T) {
			srv := mongotest.NewServer()
			srv.Add("shop", "cookies", doc)
			coll := connect(t, srv).Database("shop").Collection("cookies")
			if c.fault.Command == "" {
				c.fault.Command = "find"
			}
			srv.Inject(c.fault)
			if err := coll.FindOne(t.Context(), bson.D{}).Err(); !c.want(err) {
				t.Error(err)
			}
			srv.Heal()
			if err := coll.FindOne(t.Context(), bson.D{}).Err(); err != nil {
				t.Errorf("healed: %v", err)
			}
		})
	}
}

func TestLimitBatches(t *testing.T) {
	srv := mongotest.NewServer()
	srv.LimitBatches(2)
	coll := connect(t, srv).Database("shop").Collection("cookies")
	if _, err := coll.InsertMany(t.Context(), []any{bson.D{}, bson.D{}, bson.D{}, bson.D{}, bson.D{}}); err != nil {
		t.Fatal(err)
	}
	if n := len(srv.Commands("insert")); n != 3 || len(srv.Documents("shop", "cookies")) != 5 {
		t.Errorf("5 documents came in %d commands", n)
	}
	srv.LimitBatches(1) // the client does not know the limit
	var server mongo.CommandError
	if _, err := coll.InsertMany(t.Context(), []any{bson.D{}, bson.D{}}); !errors.As(err, &server) ||
		server.Code != 16 {
		t.Errorf("2 documents where 1 is allowed: %v", err)
	}
}

func TestWriteErrors(t *testing.T) {
	srv := mongotest.NewServer()
	coll := connect(t, srv).Database("shop").Collection("cookies")
	srv.Inject(mongotest.Fault{Command: "insert", WriteErrors: map[int]int32{1: 121}, WriteConcernError: 64})
	for ordered, want := range map[bool]int{false: 2, true: 1} {
		_, err := coll.InsertMany(t.Context(), []bson.D{{}, {}, {}}, options.InsertMany().SetOrdered(ordered))
		var e mongo.BulkWriteException
		if !errors.As(err, &e) || len(e.WriteErrors) != 1 || e.WriteErrors[0].Code != 121 ||
			e.WriteConcernError == nil || e.WriteConcernError.Code != 64 {
			t.Errorf("ordered %v: %v", ordered, err)
		}
		if n := len(srv.Documents("shop", "cookies")); n != want {
			t.Errorf("ordered %v: %d documents, want %d", ordered, n, want)
		}
		coll.Drop(t.Context())
	}
}

// Add accepts damaged documents and repeated _ids unchanged.
func TestAddChecksNothing(t *testing.T) {
	srv := mongotest.NewServer()
	docs := []bson.Raw{
		[]byte("\x0a\x00\x00\x00\x01a\x00xx\x00"), []byte("\x0c\x00\x00\x00\x08_id\x00\x01\x00\x00"),
		[]byte("\x0b\x00\x00\x00\x08_id\x00\x01\x00"),
	}
	srv.Add("shop", "cookies", docs...)
	srv.Add("shop", "cookies", docs[2])
	cur, err := connect(t, srv).Database("shop").Collection("cookies").Find(t.Context(), bson.D{})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; cur.Next(t.Context()); i++ {
		if i < len(docs) && !bytes.Equal(cur.Current, docs[i]) {
			t.Errorf("document %d came as %q", i, []byte(cur.Current))
		}
	}
	if cur.Err() != nil {
		t.Error(cur.Err())
	}
}

// Close ends delays and connections, and can be called again.
func TestClose(t *testing.T) {
	srv := mongotest.NewServer()
	coll := connect(t, srv).Database("shop").Collection("cookies")
	srv.Inject(mongotest.Fault{Command: "find", Delay: time.Hour})
	done := make(chan error)
	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := coll.Find(ctx, bson.D{})
		done <- err
	}()
	for len(srv.Commands("find")) == 0 {
		time.Sleep(time.Millisecond)
	}
	begin := time.Now()
	srv.Close()
	srv.Close()
	if took := time.Since(begin); took > time.Minute { // it does not wait for the reply
		t.Errorf("Close took %v", took)
	}
	if err := <-done; err == nil {
		t.Error("no error after the end of the server")
	}
}

func Example() {
	srv := mongotest.NewServer()
	defer srv.Close()
	doc, _ := bson.Marshal(bson.D{{Key: "_id", Value: 1}, {Key: "name", Value: "stroopwafel"}})
	srv.Add("shop", "cookies", doc)
	srv.Inject(mongotest.Fault{Command: "find", Nth: 2, Code: 13, Text: "not today"})

	ctx := context.Background()
	client, err := mongo.Connect(options.Client().ApplyURI(srv.URI()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Disconnect(ctx)
	cookies := client.Database("shop").Collection("cookies")
	fmt.Println(cookies.FindOne(ctx, bson.D{}).Raw())
	fmt.Println(cookies.FindOne(ctx, bson.D{}).Raw())
	fmt.Println(len(srv.Commands("find")), "queries")
	// Output:
	// {"_id": {"$numberInt":"1"},"name": "stroopwafel"} <nil>
	//  (Unauthorized) not today
	// 2 queries
}

// BenchmarkFind measures the server together with the driver's plain cursor.
func BenchmarkFind(b *testing.B) {
	srv := mongotest.NewServer()
	for i := range 10_000 {
		doc, _ := bson.Marshal(bson.D{{Key: "_id", Value: i}, {Key: "b", Value: make([]byte, 850)}})
		srv.Add("shop", "cookies", doc)
	}
	coll := connect(b, srv).Database("shop").Collection("cookies")
	docs := 0
	for b.Loop() {
		cur, err := coll.Find(b.Context(), bson.D{}, options.Find().SetBatchSize(1000))
		if err != nil {
			b.Fatal(err)
		}
		for cur.Next(b.Context()) {
			docs++
		}
	}
	b.ReportMetric(float64(docs)/b.Elapsed().Seconds(), "docs/s")
}
