package main

import (
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/stream"
)

// TestLookUp looks up documents in a collection that has some of them, or one with other content.
func TestLookUp(t *testing.T) {
	for name, c := range map[string]struct {
		has, asks []bson.D
		found     int
		fails     string
	}{
		"none": {nil, []bson.D{{{Key: "_id", Value: 1}}}, 0, ""},
		"some": {
			[]bson.D{{{Key: "_id", Value: 1}}, {{Key: "_id", Value: 3}}},
			[]bson.D{{{Key: "_id", Value: 1}}, {{Key: "_id", Value: 2}}},
			1, "",
		},
		"one without _id": {nil, []bson.D{{{Key: "a", Value: 1}}}, 0, ""},
		"one otherwise": {
			[]bson.D{{{Key: "_id", Value: 1}, {Key: "a", Value: 1}}},
			[]bson.D{{{Key: "_id", Value: 1}}},
			0, "another document",
		},
		"two with one _id": {
			nil,
			[]bson.D{{{Key: "_id", Value: 1}}, {{Key: "_id", Value: 1}, {Key: "a", Value: 1}}},
			0, "two documents",
		},
	} {
		t.Run(name, func(t *testing.T) {
			j, database := newJob(t)
			for _, d := range c.has {
				database.Add("shop", "back", rawOf(t, d))
			}
			var batch []bson.Raw
			for _, d := range c.asks {
				batch = append(batch, rawOf(t, d))
			}
			// The test's server does not know $in, so the test sets its reply.
			reply := bson.A{}
			for _, d := range c.has {
				for _, asked := range c.asks {
					if d[0] == asked[0] {
						reply = append(reply, d)
						break
					}
				}
			}
			database.Inject(mongotest.Fault{
				Command: "find",
				Reply: rawOf(t, bson.D{{Key: "ok", Value: 1}, {Key: "cursor", Value: bson.D{
					{Key: "id", Value: int64(0)}, {Key: "ns", Value: "shop.back"}, {Key: "firstBatch", Value: reply},
				}}}),
			})
			have, err := j.findExisting(t.Context(), batch, time.Minute)
			if len(have) != c.found || (err == nil) != (c.fails == "") || err != nil &&
				!strings.Contains(err.Error(), c.fails) {
				t.Errorf("%d found, %v", len(have), err)
			}
		})
	}
}

// TestLookUpSilent uses a server that never replies to a look-up, or never sends the rest of a
// reply. The program must give up and close the cursor.
func TestLookUpSilent(t *testing.T) {
	for _, command := range []string{"find", "getMore"} {
		j, database := newJob(t)
		database.Inject(mongotest.Fault{Command: command, Hang: true, Wire: func(m []byte) []byte { return m[:20] }})
		if command == "getMore" {
			database.Inject(mongotest.Fault{
				Command: "find",
				Reply: rawOf(t, bson.D{{Key: "ok", Value: 1}, {Key: "cursor", Value: bson.D{
					{Key: "id", Value: int64(7)}, {Key: "ns", Value: "shop.back"}, {Key: "firstBatch", Value: bson.A{}},
				}}}),
			})
		}
		_, err := j.findExisting(t.Context(), []bson.Raw{rawOf(t, bson.D{{Key: "_id", Value: 1}})},
			300*time.Millisecond)
		if stream.ClassOf(err) != stream.Retryable ||
			!strings.Contains(err.Error(), "look-up of 1 document: no answer for 300ms") {
			t.Errorf("%s: %v", command, err)
		}
		if advice := j.explain(err).Error(); !strings.Contains(advice, "is silent") {
			t.Errorf("%s: %v", command, advice)
		}
	}
}

func rawOf(t *testing.T, d bson.D) bson.Raw {
	t.Helper()
	raw, err := bson.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
