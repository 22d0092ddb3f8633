package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	"filippo.io/age"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"golang.org/x/sync/errgroup"

	"github.com/millweir/millweir/internal/corpus"
)

// shapes are the shapes of documents, by name.
var shapes = map[string]func(*corpus.Corpus) bson.Raw{
	"cookie": (*corpus.Corpus).Cookie,
	"event":  (*corpus.Corpus).Event,
	"big":    (*corpus.Corpus).Big,
	"mix":    (*corpus.Corpus).Mix,
}

// digest is the number of records and the sum of their hashes, which does not depend on their
// order.
type digest struct {
	Records int64
	Sum     uint64
}

var seed = maphash.MakeSeed()

func (d *digest) add(record []byte) {
	d.Records++
	d.Sum += maphash.Bytes(seed, record)
}

func (d *digest) join(other digest) {
	d.Records += other.Records
	d.Sum += other.Sum
}

// compare returns an error if d differs from want.
func (d digest) compare(what string, want digest) error {
	switch {
	case d.Records != want.Records:
		return fmt.Errorf("%s: %d documents, want %d", what, d.Records, want.Records)
	case d.Sum != want.Sum:
		return fmt.Errorf("%s: %d documents, but not the same", what, d.Records)
	}
	return nil
}

// source is a collection to back up.
type source struct {
	collection string
	bytes      int64 // of BSON
	docs       digest
	lines      digest // of the documents in canonical Extended JSON, as the driver writes it
}

const (
	batchDocs = 1000      // documents inserted, or read, together
	maxLine   = 128 << 20 // bytes: more than the longest legal document as a line
)

// source returns the source of size bytes. The first call fills it.
func (w *world) source(ctx context.Context, size int64) (*source, error) {
	if s := w.sources[size]; s != nil {
		return s, nil
	}
	began := time.Now()
	s := &source{collection: fmt.Sprintf("source_%d", size)}
	coll := w.db.Collection(s.collection)
	var mu sync.Mutex // of the digests
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	shape, c := shapes[w.shape], corpus.New(uint64(size))
	for s.bytes < size && ctx.Err() == nil {
		var batch []bson.Raw
		for len(batch) < batchDocs && s.bytes < size {
			doc := shape(c)
			s.bytes += int64(len(doc))
			batch = append(batch, doc)
		}
		g.Go(func() error {
			docs, lines, err := digests(batch)
			if err != nil {
				return err
			}
			mu.Lock()
			s.docs.join(docs)
			s.lines.join(lines)
			mu.Unlock()
			_, err = coll.InsertMany(ctx, batch, options.InsertMany().SetOrdered(false))
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("fill the source: %w", err)
	}
	w.sources[size] = s
	fmt.Fprintf(w.log, "%d documents of %s made and inserted in %.1f s\n", s.docs.Records, megabytes(s.bytes),
		time.Since(began).Seconds())
	return s, nil
}

// digests returns the digests of documents as BSON and as the driver's canonical Extended JSON.
func digests(batch []bson.Raw) (docs, lines digest, err error) {
	for _, doc := range batch {
		line, err := bson.MarshalExtJSON(doc, true, false)
		if err != nil {
			return docs, lines, err
		}
		docs.add(doc)
		lines.add(line)
	}
	return docs, lines, nil
}

// checkObject verifies an object without this library's code, and returns its size. It cannot read
// the object of a -peer command.
func (w *world) checkObject(ctx context.Context, p program, key string, want digest) (size int64, err error) {
	object, err := w.storage.GetObject(ctx, &s3.GetObjectInput{Bucket: &w.bucket, Key: &key})
	if err != nil {
		return 0, err
	}
	defer object.Body.Close()
	size = aws.ToInt64(object.ContentLength)
	if p.command != "" {
		if size == 0 {
			return 0, fmt.Errorf("the object %s is empty", key)
		}
		return size, nil
	}
	plain, err := age.Decrypt(object.Body, w.identity)
	if err != nil {
		return 0, err
	}
	text, err := gzip.NewReader(plain)
	if err != nil {
		return 0, err
	}
	var got digest
	lines := bufio.NewScanner(text)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	for lines.Scan() {
		got.add(lines.Bytes())
	}
	if err := lines.Err(); err != nil {
		return 0, err
	}
	return size, got.compare("the object "+key, want)
}

// checkCollection compares a collection with the expected documents.
func (w *world) checkCollection(ctx context.Context, name string, want digest) error {
	cursor, err := w.db.Collection(name).Find(ctx, bson.D{}, options.Find().SetBatchSize(batchDocs))
	if err != nil {
		return err
	}
	defer cursor.Close(context.WithoutCancel(ctx))
	var got digest
	for cursor.Next(ctx) {
		got.add(cursor.Current)
	}
	if err := cursor.Err(); err != nil {
		return err
	}
	return got.compare("the collection "+name, want)
}
