package integration_test

import (
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/memstore"
	"github.com/millweir/millweir/backup/s3store"
	"github.com/millweir/millweir/integration/servers"
	"github.com/millweir/millweir/internal/mongofixture"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// A copy in a bucket with Object Lock of a real server is protected, also if a first copy was not.
func TestCopyLocked(t *testing.T) {
	eachOwnS3(t, func(t *testing.T, s *servers.S3) {
		srv := mongotest.NewServer()
		srv.Add("shop", "cookies", mongofixture.Raw(t, bson.D{{Key: "_id", Value: 1}}))
		r, err := backup.Init(t.Context(), memstore.New(nil), backup.Keys{}, &backup.InitOptions{Plain: true})
		if err != nil {
			t.Fatal(err)
		}
		job, err := r.Backup(t.Context(), mongofixture.Connect(t, srv), nil)
		if err == nil {
			_, err = backup.Run(t.Context(), job, 1)
		}
		if err != nil {
			t.Fatal(err)
		}
		view, err := r.View(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		client := s.Client(t)
		to := s3store.New(client, storeBucket(t, s, client, true), "copy", nil)
		for _, until := range []time.Time{{}, time.Now().Add(2 * time.Hour), time.Now().Add(time.Hour)} {
			retained := view.Copy(to, &backup.CopyOptions{RetainUntil: until})
			if _, err := backup.Run(t.Context(), retained, 1); err != nil {
				t.Fatal(err)
			}
		}
		for _, prefix := range []string{"data/", "backups/"} {
			objects, err := stream.Run(t.Context(), to.List(prefix), sink.Slice[backup.Object]())
			if err != nil || len(objects) == 0 {
				t.Fatalf("%s has %d objects, %v", prefix, len(objects), err)
			}
			for _, o := range objects {
				if _, err := stream.Run(t.Context(), source.Of(o.Key), to.Delete()); !errors.Is(err, backup.ErrHeld) {
					t.Errorf("%s was deleted: %v", o.Key, err)
				}
			}
		}
	})
}
