package main

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/examples/internal/exectest"
	"github.com/millweir/millweir/internal/cli"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/s3test"
)

// newJob returns a job whose collection is shop.back of a new server. It has no object yet.
func newJob(t *testing.T) (*job, *mongotest.Server) {
	t.Helper()
	database := mongotest.NewServer()
	t.Cleanup(database.Close)
	t.Setenv("MONGODB_URI", database.URI())
	messages, err := os.Create(filepath.Join(t.TempDir(), "messages"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = messages.Close() })
	j := &job{
		settings: &settings{
			batch: 10, parallelism: 2,
			mongo: cli.Mongo{DB: "shop", Collection: "back"},
			s3:    cli.S3{Bucket: "b", Key: "k"},
		},
		program: cli.NewProgram("restore", messages),
	}
	client, err := j.mongo.Connect(t.Context(), j.program)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.mongo.Disconnect(client) })
	j.coll = client.Database("shop").Collection("back")
	return j, database
}

// storeObject makes lines, compressed, the object of j. Requests for it go through transport; nil
// means the default.
func storeObject(t *testing.T, j *job, lines string, transport http.RoundTripper) {
	t.Helper()
	storage := s3test.New(nil)
	t.Cleanup(storage.Close)
	storage.CreateBucket("b")
	storage.Put("b", "k", exectest.Gzip(lines))
	j.object = &s3.HeadObjectOutput{
		ContentLength: aws.Int64(1000),
		ETag:          aws.String(storage.Object("b", "k").ETag),
	}
	j.storage = s3.New(s3.Options{
		BaseEndpoint: &storage.URL, Region: "us-east-1", UsePathStyle: true,
		HTTPClient:  &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
	})
}
