package mongosink

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

// The driver still has the unexported fields that this package reads.
func TestDriverState(t *testing.T) {
	journal := true
	for name, c := range map[string]struct {
		retry   bool
		concern *writeconcern.WriteConcern
	}{
		"default": {true, nil}, "no retries": {false, nil}, "majority": {true, writeconcern.Majority()},
		"number": {true, &writeconcern.WriteConcern{W: 3, Journal: &journal}},
		"tag":    {true, writeconcern.Custom("two")}, "only journal": {true, writeconcern.Journaled()},
		"no reply": {true, writeconcern.Unacknowledged()},
	} {
		client, err := mongo.Connect(options.Client().ApplyURI("mongodb://127.0.0.1:1/").SetRetryWrites(c.retry))
		if err != nil {
			t.Fatal(err)
		}
		defer client.Disconnect(t.Context())
		coll := client.Database("shop").Collection("cookies", options.Collection().SetWriteConcern(c.concern))
		got, ok := writeConcernOf(coll)
		if !ok || (got == nil) != (c.concern == nil) || got != nil && (got.W != c.concern.W ||
			(got.Journal == nil) != (c.concern.Journal == nil) || got.Journal != nil && *got.Journal != journal) {
			t.Errorf("%s: the write concern is %+v, %v", name, got, ok)
		}
		if retriesWrites(client) != c.retry || encrypts(client) {
			t.Errorf("%s: retryable writes %v, encrypted %v", name, retriesWrites(client), encrypts(client))
		}
		s := session{}
		if s.driver, err = client.StartSession(); err != nil {
			t.Fatal(err)
		}
		for want := int64(1); want < 4; want++ {
			if n, ok := s.nextNumber(t.Context()); !ok || n != want {
				t.Errorf("%s: number %d, %v, want %d", name, n, ok, want)
			}
		}
	}
}
