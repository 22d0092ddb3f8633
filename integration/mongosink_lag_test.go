package integration_test

import (
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/integration/servers"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// A replica set of one server has no secondary that could lag, so MaxLag slows nothing down. A server
// that states no lag is an error before the first write. SecantusDB answers replSetGetStatus, that in
// Python says only in its hello how far a majority is, and FerretDB says nothing.
func TestMaxLag(t *testing.T) {
	eachMongo(t, func(t *testing.T, m *servers.Mongo) {
		coll := m.Database(t).Collection("c")
		docs := plain(t, 500, 20)
		ask := func(command string) bson.Raw {
			reply, _ := coll.Database().Client().Database("admin").
				RunCommand(t.Context(), bson.D{{Key: command, Value: 1}}).Raw()
			return reply
		}
		_, listsMembers := ask("replSetGetConfig").Lookup("config", "members").ArrayOK()
		_, statesMajority := ask("hello").Lookup("lastWrite", "majorityWriteDate").TimeOK()
		began := time.Now()
		r, err := stream.Run(t.Context(), source.Slice(docs),
			mongosink.Insert(coll, &mongosink.InsertOptions{BatchDocuments: 10, MaxLag: time.Second}))
		t.Logf("replSetGetConfig: %v, lastWrite: %v; %d batches in %v, %v",
			listsMembers, statesMajority, r.Batches, time.Since(began), err)
		switch {
		case !listsMembers && !statesMajority:
			if !errors.Is(err, mongosink.ErrNoLag) || stream.ClassOf(err) != stream.Fatal || r.Batches > 0 {
				t.Errorf("%+v, %v (%v)", r, err, stream.ClassOf(err))
			}
			docs = nil
		case err != nil:
			t.Errorf("%+v, %v", r, err)
		}
		sameDocuments(t, stored(t, coll), docs)
	})
}
