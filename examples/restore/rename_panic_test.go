package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/examples/internal/cli"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/stream"
)

// TestRenamePanics makes the driver panic during the rename. The server may have done it or not, so
// the error must say that the outcome is unknown. The staging collection must remain, because it
// may be the only copy of the documents.
func TestRenamePanics(t *testing.T) {
	storage := s3test.New(nil)
	defer storage.Close()
	storage.CreateBucket("b")
	storage.Put("b", "k", zipped(t, strings.Repeat("{}\n", 10)))
	database := mongotest.NewServer()
	defer database.Close()
	client, err := mongo.Connect(options.Client().ApplyURI(database.URI()).SetMonitor(&event.CommandMonitor{
		Started: func(_ context.Context, e *event.CommandStartedEvent) {
			if e.CommandName == "renameCollection" {
				panic("burst")
			}
		},
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Disconnect(context.WithoutCancel(t.Context()))
	messages, err := os.Create(filepath.Join(t.TempDir(), "messages"))
	if err != nil {
		t.Fatal(err)
	}
	defer messages.Close()
	j := &job{
		settings: &settings{
			batch: 10, parallelism: 2,
			mongo: cli.Mongo{DB: "shop", Collection: "back"},
			s3:    cli.S3{Bucket: "b", Key: "k"},
		},
		program: cli.NewProgram("restore", messages),
		object:  &s3.HeadObjectOutput{ContentLength: aws.Int64(1000), ETag: aws.String(storage.Object("b", "k").ETag)},
		storage: s3.New(s3.Options{
			BaseEndpoint: &storage.URL, Region: "us-east-1", UsePathStyle: true,
			Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
		}),
		coll: client.Database("shop").Collection("back"),
	}
	t.Setenv("MONGODB_URI", database.URI())
	named, err := j.mongo.Connect(t.Context(), j.program) // sets what messages name the server by
	if err != nil {
		t.Fatal(err)
	}
	defer j.mongo.Disconnect(named)

	_, err = j.replace(t.Context(), missing)
	if !errors.As(err, new(*cli.Panic)) || stream.ClassOf(err) != stream.UnknownOutcome ||
		strings.Contains(err.Error(), "goroutine") {
		t.Errorf("%v: %v", stream.ClassOf(err), err)
	}
	names, listErr := client.Database("shop").ListCollectionNames(t.Context(), bson.D{})
	if listErr != nil || len(names) != 1 {
		t.Fatalf("left are %v, %v", names, listErr)
	}
	if got := len(database.Documents("shop", names[0])); got != 10 || len(database.Commands("drop")) > 0 {
		t.Errorf("%s has %d documents", names[0], got)
	}
	if err == nil || !strings.Contains(err.Error(), "whether shop.back was replaced is unknown") ||
		!strings.Contains(err.Error(), "shop."+names[0]) {
		t.Errorf("what to look at is not said: %v", err)
	}
}
