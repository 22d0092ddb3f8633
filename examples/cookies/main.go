// Command cookies shows a backup and its restore from end to end, without installation or
// configuration:
//
//	go run ./examples/cookies
//
// It starts a MongoDB-compatible server and an S3 server inside itself, bakes 4,000 cookies, backs
// them up into S3 compressed and encrypted, drops them, restores them and compares every document
// byte for byte. pipeline.go has the code to copy.
//
// It exits with 0 if all documents came back, with 1 if not, and with 4 if it panicked. It always
// removes everything that it created.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"time"

	"filippo.io/age"
	"github.com/dustin/go-humanize"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second ctrl-C ends the program at once
	err := protect(func() error { return run(ctx, os.Stdout) })
	if err != nil && ctx.Err() != nil && !errors.As(err, new(*defect)) {
		err = context.Cause(ctx)
	}
	os.Exit(end(os.Stderr, err))
}

// run does the backup and the restore, and reports each step on out.
func run(ctx context.Context, out io.Writer) error {
	ctx = stream.WithParallelism(ctx, 0) // use all cores
	say := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }

	s, err := startServers(ctx)
	if err != nil {
		return err
	}
	defer s.Stop()
	say("Servers     MongoDB (FerretDB) at %s, S3 at %s, both inside this program", s.mongoURI, s.s3Endpoint)

	if err := bake(ctx, s.cookies); err != nil {
		return err
	}
	before, err := everything(ctx, s.cookies)
	if err != nil {
		return err
	}
	say("Baked       %s documents into shop.cookies", number(len(before)))

	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return err
	}
	var n passed
	f := format(identity, &n)
	key := "cookies" + f.Suffix()
	began := time.Now()
	object, err := backup(ctx, s.cookies, &n.documents, f, s.s3, bucket, key)
	if err != nil {
		return err
	}
	say("Backed up   %s documents in %s:", number(n.documents.Elements()), since(began))
	reportStages(out, &n)
	say("Stored      s3://%s/%s, %s, ETag %s", object.Bucket, object.Key, parts(object), object.ETag)

	if err := s.cookies.Drop(ctx); err != nil {
		return fmt.Errorf("drop the collection: %w", err)
	}
	say("Dropped     shop.cookies")

	began = time.Now()
	inserted, err := restore(ctx, s.s3, bucket, key, f, s.cookies)
	if err != nil {
		return err
	}
	say("Restored    %s documents in %s, in %d batches", number(inserted.Inserted), since(began), inserted.Batches)

	after, err := everything(ctx, s.cookies)
	if err != nil {
		return err
	}
	if err := equal(before, after); err != nil {
		return err
	}
	say("Compared    all %s documents are equal, byte for byte", number(len(after)))
	say("\nServers, documents and key end with this program. The code is in examples/cookies/pipeline.go.")
	return nil
}

// bake fills the collection.
func bake(ctx context.Context, cookies *mongo.Collection) error {
	rng := rand.New(rand.NewPCG(seed, seed))
	batch := source.Seq2(func(yield func(bson.Raw, error) bool) {
		for n := range documents {
			doc, err := bson.Marshal(cookie(rng, n))
			if !yield(doc, err) || err != nil {
				return
			}
		}
	})
	_, err := stream.Run(ctx, batch, mongosink.Insert(cookies, nil))
	return err
}

// everything returns the documents of the collection, sorted by _id.
func everything(ctx context.Context, cookies *mongo.Collection) ([]bson.Raw, error) {
	all := mongosource.Find(cookies, bson.D{}, &mongosource.FindOptions{Sort: bson.D{{Key: "_id", Value: 1}}})
	return stream.Run(ctx, all, sink.Slice[bson.Raw]())
}

// equal returns an error unless both have the same documents, byte for byte.
func equal(before, after []bson.Raw) error {
	if len(before) != len(after) {
		return fmt.Errorf("%d documents went in, %d came back", len(before), len(after))
	}
	for i := range before {
		if !bytes.Equal(before[i], after[i]) {
			return fmt.Errorf("document %d came back changed: %v went in, %v came back", i, before[i], after[i])
		}
	}
	return nil
}

// reportStages writes the counts of each stage.
func reportStages(out io.Writer, n *passed) {
	bson := n.documents.Bytes()
	for _, stage := range []struct {
		name  string
		bytes int64
	}{
		{"BSON, as read", bson},
		{"JSON", n.json.Bytes()},
		{"gzip", n.gzip.Bytes()},
		{"age", n.age.Bytes()},
	} {
		fmt.Fprintf(out, "              %-15s %12s bytes  %5.1f %%\n", stage.name, number(stage.bytes),
			100*float64(stage.bytes)/float64(bson))
	}
}

func parts(o s3sink.Object) string {
	if o.Parts == 0 {
		return "in one piece: it is smaller than a part of 5 MiB"
	}
	return fmt.Sprintf("in %d parts of up to 5 MiB", o.Parts)
}

func number[N int | int64](n N) string { return humanize.Comma(int64(n)) }

func since(t time.Time) string { return time.Since(t).Round(time.Millisecond).String() }
