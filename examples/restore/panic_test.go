package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/cli"
)

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
	var lines strings.Builder
	noise := rand.New(rand.NewPCG(1, 2))
	for range 20_000 { // more than the pipeline reads ahead
		fmt.Fprintf(&lines, `{"a":"%x%x%x"}`+"\n", noise.Uint64(), noise.Uint64(), noise.Uint64())
	}
	for _, inPlace := range []bool{false, true} {
		j, database := newJob(t)
		storeObject(t, j, lines.String(), bursting{})
		var err error
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
		names, err := j.coll.Database().ListCollectionNames(t.Context(), bson.D{})
		if err != nil || len(names) > 0 {
			t.Errorf("in place: %t: left are %v, %v", inPlace, names, err)
		}
		if made := len(database.Commands("create")); !inPlace && made != 1 {
			t.Errorf("%d collections were made", made)
		}
	}
}
