package integration_test

import (
	"encoding/binary"
	"errors"
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/integration/servers"
	"github.com/millweir/millweir/internal/bsonrand"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// long makes the tests use all of their data, which takes minutes, instead of a sample:
// MILLWEIR_LONG=1.
var long = os.Getenv("MILLWEIR_LONG") != ""

// TestRandomDocumentsThroughAServer inserts random documents of every type, half of them odd, and
// finds them. It converts them to Extended JSON and back, inserts them into a second collection and
// finds them again. The documents that the server accepted must stay the same bytes. The test uses
// 10,000 documents, or 200,000 with MILLWEIR_LONG. The log lists what the server or the driver
// rejected, and why.
func TestRandomDocumentsThroughAServer(t *testing.T) {
	const round = 5000
	total := 2 * round
	if long {
		total = 200_000
	}
	db := servers.Shared.SecantusDB(t).Database(t)
	plain, odd := bsonrand.New(41), bsonrand.New(42)
	odd.Odd = true
	refused, ordinary := map[string]refusal{}, 0
	taken := 0
	for n := 0; n < total; n += round {
		docs := make([]bson.Raw, round)
		for i := range docs {
			g := plain
			if i%2 == 1 {
				g = odd
			}
			docs[i] = withID(t, int32(n+i), g.Doc())
		}
		first, second := db.Collection("first"), db.Collection("second")
		kept := docs[:0:0]
		for part := range slices.Chunk(docs, 500) {
			kept = append(kept, insertTaken(t, first, part, func(doc bson.Raw, why string) {
				r := refused[why]
				if r.times++; r.example == nil {
					r.example = doc
				}
				refused[why] = r
				if doc.Lookup("_id").Int32()%2 == 0 {
					ordinary++
				}
			})...)
		}
		sameDocuments(t, stored(t, first), kept)

		text := stream.Via(mongosource.Find(first, bson.D{}, nil), bsoncodec.ExtJSON(nil))
		res, err := stream.Run(t.Context(), stream.Via(text, bsoncodec.ParseExtJSON(nil)),
			mongosink.Insert(second, nil))
		if err != nil || res.Inserted != int64(len(kept)) {
			t.Fatalf("documents %d to %d: %+v, %v; want %d", n, n+round-1, res, err, len(kept))
		}
		sameDocuments(t, stored(t, second), kept)
		if taken += len(kept); t.Failed() {
			break
		}
		for _, c := range []*mongo.Collection{first, second} {
			if err := c.Drop(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("%d of %d documents came back byte for byte; refused were %d, of which %d ordinary", taken, total,
		total-taken, ordinary)
	for _, why := range slices.Sorted(maps.Keys(refused)) {
		r := refused[why]
		t.Logf("refused %d times: %s: %s", r.times, why, abbreviate(r.example))
	}
	if taken < total*3/4 || ordinary > total/1000 {
		t.Errorf("only %d of %d documents were compared", taken, total)
	}
}

// refusal counts the documents that a server rejected for one reason.
type refusal struct {
	times   int
	example bson.Raw
}

// withID returns doc with an int32 _id as its first field and without any other _id.
func withID(t testing.TB, id int32, doc bson.Raw) bson.Raw {
	t.Helper()
	b := append([]byte{0, 0, 0, 0, 0x10}, "_id\x00"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(id))
	elements, err := doc.Elements()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range elements {
		if e.Key() != "_id" {
			b = append(b, e...)
		}
	}
	b = append(b, 0)
	binary.LittleEndian.PutUint32(b, uint32(len(b)))
	return b
}

// insertTaken inserts docs with the driver alone and returns those that the server accepted. It
// calls refused with the reason for each of the others.
func insertTaken(t testing.TB, coll *mongo.Collection, docs []bson.Raw,
	refused func(doc bson.Raw, why string),
) []bson.Raw {
	t.Helper()
	_, err := coll.InsertMany(t.Context(), docs, insertUnchanged(t))
	var bulk mongo.BulkWriteException
	var command mongo.CommandError
	switch {
	case err == nil:
		return docs
	case errors.As(err, &bulk) && bulk.WriteConcernError == nil:
		out := map[int]bool{}
		for _, e := range bulk.WriteErrors {
			out[e.Index] = true
			refused(docs[e.Index], withoutPositions(e.Message))
		}
		var kept []bson.Raw
		for i, doc := range docs {
			if !out[i] {
				kept = append(kept, doc)
			}
		}
		return kept
	case mongo.IsNetworkError(err), mongo.IsTimeout(err), t.Context().Err() != nil:
		t.Fatal(err)
	case len(docs) == 1 && errors.As(err, &command):
		refused(docs[0], withoutPositions(command.Message))
		return nil
	case len(docs) == 1:
		// It fails at regular expressions of more than 4 KiB.
		refused(docs[0], "the driver: "+withoutPositions(err.Error()))
		return nil
	}
	// The server rejected the whole command because of one document.
	half := len(docs) / 2
	return append(slices.Clone(insertTaken(t, coll, docs[:half], refused)),
		insertTaken(t, coll, docs[half:], refused)...)
}

// places match the parts of a server's message that name a position in the document.
var places = regexp.MustCompile(`(error )?at key "(\\.|[^"\\])*":? ?|(index|of|got) \[?[0-9]+\]?`)

// withoutPositions returns a server's message without the positions.
func withoutPositions(message string) string {
	const enough = 160
	s := places.ReplaceAllString(message, "")
	return s[:min(len(s), enough)]
}
