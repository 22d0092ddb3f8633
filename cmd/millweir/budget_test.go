package main

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Few units at once have memory for the largest run of each command.
func TestMemoryOfFewUnits(t *testing.T) { eachStore(t, testMemoryOfFewUnits) }

func testMemoryOfFewUnits(t *testing.T, w *world) {
	w.add(t, "shop", "orders", 50)
	w.add(t, "shop", "cookies", 3)
	w.repository(t)
	another, err := bson.Marshal(bson.D{{Key: "_id", Value: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	for _, encoding := range encodings {
		for _, parallel := range []string{"1", "2"} {
			w.must(t, w.backup("--encoding", string(encoding), "--no-reuse", "--include", "shop",
				"--parallel", parallel)...)
			w.must(t, w.restore("--replace", "--parallel", parallel)...)
			w.restored(t, 50)
			w.srv.Add("back", "orders", another)
			w.must(t, w.restore("--merge", "--parallel", parallel)...)
			if got := w.srv.Documents("back", "orders"); len(got) != 51 {
				t.Errorf("%d documents after --merge", len(got))
			}
		}
	}
	keys := []string{"--identity", "me.txt", "--signing-key", "sign.key", "--parallel", "1"}
	w.must(t, append([]string{"verify", w.repo, "--depth", "drill"}, keys...)...)
	w.must(t, append([]string{"copy", w.repo, "--to", w.repo + "2"}, keys...)...)
}
