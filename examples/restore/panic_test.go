package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/examples/internal/cli"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/s3test"
)

func zipped(t *testing.T, text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// bursting is a transport whose response bodies panic at their end.
type bursting struct{ io.ReadCloser }

func (b bursting) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		panic("burst")
	}
	return n, nil
}

func (bursting) RoundTrip(r *http.Request) (*http.Response, error) {
	reply, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && r.Method == http.MethodGet {
		reply.Body = bursting{reply.Body}
	}
	return reply, err
}

// TestPanic makes a library panic after documents were inserted. The program must return an error,
// and drop the staging collection.
func TestPanic(t *testing.T) {
	storage := s3test.New(nil)
	defer storage.Close()
	storage.CreateBucket("b")
	var text strings.Builder
	noise := rand.New(rand.NewPCG(1, 2))
	for range 20_000 { // more than the pipeline reads ahead
		fmt.Fprintf(&text, `{"a":"%x%x%x"}`+"\n", noise.Uint64(), noise.Uint64(), noise.Uint64())
	}
	storage.Put("b", "k", zipped(t, text.String()))
	for _, inPlace := range []bool{false, true} {
		database := mongotest.NewServer()
		defer database.Close()
		t.Setenv("MONGODB_URI", database.URI())
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
			object: &s3.HeadObjectOutput{
				ContentLength: aws.Int64(1000),
				ETag:          aws.String(storage.Object("b", "k").ETag),
			},
			storage: s3.New(s3.Options{
				BaseEndpoint: &storage.URL, Region: "us-east-1", UsePathStyle: true,
				HTTPClient:  &http.Client{Transport: bursting{}},
				Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
			}),
		}
		client, err := j.mongo.Connect(t.Context(), j.program)
		if err != nil {
			t.Fatal(err)
		}
		defer j.mongo.Disconnect(client)
		j.coll = client.Database("shop").Collection("back")
		if inPlace {
			_, err = j.merge(t.Context())
		} else {
			_, err = j.replace(t.Context(), missing)
		}
		if !errors.As(err, new(*cli.Panic)) || strings.Contains(err.Error(), "goroutine") {
			t.Errorf("in place: %t: %v", inPlace, err)
		}
		if !inPlace && !strings.Contains(err.Error(), "an unknown number of documents had been inserted") {
			t.Errorf("%v", err)
		}
		// A batch in flight could recreate the collection after the first drop.
		if dropped := len(database.Commands("drop")); !inPlace && dropped < 2 {
			t.Errorf("the collection was dropped %d times", dropped)
		}
		names, err := client.Database("shop").ListCollectionNames(t.Context(), bson.D{})
		if err != nil || len(names) > 0 {
			t.Errorf("in place: %t: left are %v, %v", inPlace, names, err)
		}
		if made := len(database.Commands("create")); !inPlace && made != 1 {
			t.Errorf("%d collections were made", made)
		}
	}
}
