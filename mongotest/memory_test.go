package mongotest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
)

// A server in memory works with a fake clock, so a test can let days pass.
func TestMemoryServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := mongotest.NewMemoryServer()
		defer srv.Close()
		client, err := mongo.Connect(options.Client().ApplyURI(srv.URI()).SetDialer(srv).
			SetHeartbeatInterval(30 * 24 * time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := client.Disconnect(t.Context()); err != nil {
				t.Error(err)
			}
		}()
		for range 3 {
			coll := client.Database("shop").Collection("cookies")
			if _, err := coll.InsertOne(t.Context(), bson.D{{Key: "a", Value: 1}}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(30 * 24 * time.Hour)
		}
		if n := len(srv.Documents("shop", "cookies")); n != 3 {
			t.Errorf("%d documents", n)
		}
	})
}
