package main

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/internal/cli"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/s3test"
)

// bursting sends requests, and panics at the second part of an upload.
type bursting struct{}

func (bursting) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Query().Get("partNumber") == "2" {
		panic("burst")
	}
	return http.DefaultTransport.RoundTrip(r)
}

// TestPanic makes a library panic in the middle of an upload. No object and no upload may remain,
// and the error must say what to check.
func TestPanic(t *testing.T) {
	storage := s3test.New(nil)
	defer storage.Close()
	storage.CreateBucket("backups")
	database := mongotest.NewServer()
	defer database.Close()
	noise := make([]byte, 64<<10)
	for i := range 150 { // 9 MiB: two parts
		_, _ = rand.Read(noise) // never fails
		doc, err := bson.Marshal(bson.D{{Key: "_id", Value: i}, {Key: "noise", Value: noise}})
		if err != nil {
			t.Fatal(err)
		}
		database.Add("shop", "cookies", doc)
	}
	client, err := mongo.Connect(options.Client().ApplyURI(database.URI()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Disconnect(context.WithoutCancel(t.Context()))
	messages, err := os.Create(filepath.Join(t.TempDir(), "messages"))
	if err != nil {
		t.Fatal(err)
	}
	defer messages.Close()
	p := cli.NewProgram("backup", messages)
	s, err := parse(p, []string{
		"-db", "shop", "-collection", "cookies", "-bucket", "backups", "-key", "k", "-no-encryption",
		"-part-size", "5MiB", "-gzip-level", "1",
	})
	if err != nil {
		t.Fatal(err)
	}
	j := &job{
		settings: s, coll: client.Database("shop").Collection("cookies"),
		storage: s3.New(s3.Options{
			BaseEndpoint: &storage.URL, Region: "us-east-1", UsePathStyle: true,
			HTTPClient:  &http.Client{Transport: bursting{}},
			Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
		}),
	}

	_, err = j.backup(t.Context())
	if err = j.explain(t.Context(), err); !errors.As(err, new(*cli.Panic)) ||
		strings.Contains(err.Error(), "goroutine") ||
		!strings.Contains(err.Error(), "look at it before you trust it") ||
		strings.Contains(err.Error(), "nothing was stored") {
		t.Errorf("%v", err)
	}
	if storage.Count("CreateMultipartUpload") != 1 {
		t.Error("no upload was begun")
	}
	if left := storage.Uploads("backups"); len(left) > 0 || storage.Object("backups", "k") != nil {
		t.Errorf("uploads left: %v", left)
	}
}
