package mongosource_test

import (
	"bytes"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// The documents belong to the downstream: it may keep them, change them and append to them, and no
// other document changes, whatever else the client reads meanwhile.
func TestFindOwnsDocuments(t *testing.T) {
	docs := numbered(t, 3000)
	_, coll := serve(t, docs, func(o *options.ClientOptions) { o.SetMaxPoolSize(2) })
	for name, read := range map[string]func(*mongo.Collection) stream.Source[bson.Raw]{
		"in place": func(c *mongo.Collection) stream.Source[bson.Raw] {
			return mongosource.Find(c, bson.D{}, every(100))
		},
		"copied": func(c *mongo.Collection) stream.Source[bson.Raw] {
			return mongosource.Find(c, bson.D{}, &mongosource.FindOptions{BatchSize: 100, CopyDocuments: true})
		},
		"scanned": func(c *mongo.Collection) stream.Source[bson.Raw] {
			return mongosource.Scan(c, bson.D{}, &mongosource.ScanOptions{BatchSize: 100})
		},
		"validated": func(c *mongo.Collection) stream.Source[bson.Raw] {
			return mongosource.Find(c, bson.D{}, &mongosource.FindOptions{BatchSize: 100, Validate: true})
		},
	} {
		t.Run(name, func(t *testing.T) {
			var runs sync.WaitGroup
			for range 4 {
				runs.Go(func() {
					var kept []bson.Raw
					err := read(coll).Each(t.Context(), func(doc bson.Raw) error {
						n := len(kept)
						if !bytes.Equal(doc, docs[n]) {
							t.Errorf("document %d is another one", n)
						}
						_ = append(doc, "the next document must not have this"...)
						if n%2 == 1 {
							clear(doc)
						}
						kept = append(kept, doc)
						return nil
					})
					if err != nil || len(kept) != len(docs) {
						t.Errorf("%d documents, %v", len(kept), err)
					}
					for n := 0; n < len(kept); n += 2 {
						if !bytes.Equal(kept[n], docs[n]) {
							t.Errorf("document %d changed later", n)
						}
					}
				})
			}
			runs.Wait()
		})
	}
}

// The documents of a split belong to the downstream, too, also while other ranges are being read.
func TestSplitOwnsDocuments(t *testing.T) {
	docs := numbered(t, 64)
	_, coll := serve(t, docs)
	for range 5 {
		seen := map[int64]int{}
		err := mongosource.Split(coll, bson.D{}, &mongosource.SplitOptions{
			Parallelism: 4, Ranges: 4, Order: mongosource.AsTheyCome, Division: mongosource.Exact, Unmeasured: true,
			BatchSize: 4,
		}).Each(t.Context(), func(doc bson.Raw) error {
			seen[doc.Lookup("_id").AsInt64()]++
			clear(doc)
			return nil
		})
		if err != nil || len(seen) != len(docs) {
			t.Fatalf("%d documents, %v", len(seen), err)
		}
		for id, n := range seen {
			if n != 1 {
				t.Fatalf("the document %d came %d times", id, n)
			}
		}
	}
}
