package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"filippo.io/age"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/signing"
	"github.com/millweir/millweir/mongotest"
)

// A customer backs up, looks, restores into a new database, and sees nothing of another customer.
func TestService(t *testing.T) {
	srv := mongotest.NewServer()
	t.Cleanup(srv.Close)
	for i := range 100 {
		doc, err := bson.Marshal(bson.D{{Key: "_id", Value: i}})
		if err != nil {
			t.Fatal(err)
		}
		srv.Add("shop", "orders", doc)
		srv.Add("secret", "plans", doc)
	}
	client, err := mongo.Connect(options.Client().ApplyURI(srv.URI()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	keys, dir := newKeys(t), t.TempDir()
	s := newService(t.Context(), client, func(ctx context.Context, customer string) (*backup.Repository, error) {
		return openOrInit(ctx, filepath.Join(dir, customer), keys)
	})
	web := httptest.NewServer(s.handler())
	t.Cleanup(web.Close)

	ask := func(method, path string, status int, into any) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, web.URL+"/customers/"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		reply, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer reply.Body.Close()
		text, err := io.ReadAll(reply.Body)
		if err != nil || reply.StatusCode != status {
			t.Fatalf("%s %s: %s %s, %v", method, path, reply.Status, text, err)
		}
		if into != nil {
			if err := json.Unmarshal(text, into); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
		}
	}
	var job state
	ask("POST", "shop/backups", 200, &job)
	s.jobs.wait()
	ask("GET", "shop/jobs/1", 200, &job)
	if job.Status != "done" || job.Report.Counts.Documents != 100 || job.Report.Counts.Collections != 1 {
		t.Fatalf("%+v", job)
	}
	var backups []backup.Manifest
	ask("GET", "shop/backups", 200, &backups)
	if len(backups) != 1 || backups[0].Run != job.Report.Run {
		t.Fatal(backups)
	}
	ask("POST", "shop/restores?into=shop-again&backup="+backups[0].Run, 200, &job)
	s.jobs.wait()
	ask("GET", "shop/jobs/2", 200, &job)
	if job.Status != "done" || len(srv.Documents("shop-again", "orders")) != 100 {
		t.Fatalf("%+v", job)
	}

	for number, want := range map[int]string{1: "backup", 2: "restore"} {
		reply, err := http.Get(fmt.Sprintf("%s/customers/shop/jobs/%d/events", web.URL, number))
		if err != nil {
			t.Fatal(err)
		}
		var last backup.Event
		for lines := json.NewDecoder(reply.Body); err == nil; {
			err = lines.Decode(&last)
		}
		reply.Body.Close()
		if !errors.Is(err, io.EOF) || last.Job != want || last.Kind != backup.Finished || last.Counts.Documents != 100 {
			t.Errorf("%+v, %v", last, err)
		}
	}

	for path, status := range map[string]int{
		"shop/restores?into=shop":         409,
		"shop/restores?into=secret":       409,
		"shop/restores?into=shop_eu":      409, // it may be another customer's
		"shop/restores?into=shop_eu-x":    409,
		"shop/restores?into=shop-x/../..": 409,
		"../backups":                      404,
		"SHOP/backups":                    404,
		"other/restores?into=other-x":     404,
		"shop/restores?into=shop-x&backup=20010101t000000z-0000000000000000": 404,
	} {
		ask("POST", path, status, nil)
	}
	ask("GET", "other/jobs/1", 404, nil)
	ask("GET", "shop/jobs/3", 404, nil)

	// A failure is a state, not a crash.
	srv.Inject(mongotest.Fault{Command: "listCollections", Code: 13})
	ask("POST", "shop/backups", 200, nil)
	s.jobs.wait()
	ask("GET", "shop/jobs/3", 200, &job)
	if job.Status != "failed" || job.Error == "" {
		t.Fatalf("%+v", job)
	}
}

// newKeys returns new keys.
func newKeys(t *testing.T) backup.Keys {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	sign, err := signing.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return backup.Keys{
		Recipients: []age.Recipient{identity.Recipient()}, Identities: []age.Identity{identity},
		Sign: sign,
	}
}
