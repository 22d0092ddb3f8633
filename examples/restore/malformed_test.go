package main_test

import (
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/examples/internal/exectest"
	"github.com/millweir/millweir/mongotest"
)

// TestMalformedReply uses a server whose reply to an insert names a document that was not sent. The
// documents are read back, which proves that they are stored.
func TestMalformedReply(t *testing.T) {
	w := exectest.Start(t, "restore")
	w.Put(t, key, exectest.Gzip(strings.Repeat("{}\n", 10)))
	for _, index := range []int64{-1, 1 << 33} {
		for _, json := range []string{"-json-log=false", "-json-log"} {
			database := mongotest.NewServer()
			defer database.Close()
			reply, err := bson.Marshal(bson.D{
				{Key: "ok", Value: 1},
				{Key: "n", Value: 0},
				{Key: "writeErrors", Value: bson.A{
					bson.D{{Key: "index", Value: index}, {Key: "code", Value: 11000}, {Key: "errmsg", Value: "E11000"}},
				}},
			})
			if err != nil {
				t.Fatal(err)
			}
			database.Inject(mongotest.Fault{Command: "insert", Reply: reply})
			r := w.Run(t, []string{"MONGODB_URI=" + database.URI()}, "restore", plain(json)...)
			exectest.OneLine(t, r, 0, "10")
			if got := len(database.Documents("shop", "back")); got != 10 || strings.Contains(r.Stderr, "goroutine") {
				t.Errorf("%d documents", got)
			}
		}
	}
}
