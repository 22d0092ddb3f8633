package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"iter"

	"filippo.io/age"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// checkCounts compares the counts of a report with the deployment.
func checkCounts(r *backup.Report, d *deployment) error {
	c := &r.Counts
	if c.Collections != int64(len(d.collections)) || c.Documents != d.documents || c.Bytes != d.bytes {
		return fmt.Errorf("%s: %d collections, %d documents and %d bytes instead of %d, %d and %d", r.Job,
			c.Collections,
			c.Documents, c.Bytes, len(d.collections), d.documents, d.bytes)
	}
	return nil
}

// checkBackup reads a backup, and compares all documents byte for byte, in the order of their _ids.
func (w *world) checkBackup(ctx context.Context, role string, b *backupMade) error {
	read := func(c collection) iter.Seq2[bson.Raw, error] { return stream.All(ctx, w.theirDocuments(b, c)) }
	if role == ours {
		repo, err := backup.Open(ctx, w.store(b.place), backup.Keys{
			Identities: []age.Identity{w.identity}, Sign: w.sign,
		})
		if err != nil {
			return err
		}
		view, err := repo.View(ctx, "")
		if err != nil {
			return err
		}
		if n := len(view.Manifest().Collections); n != len(b.of.collections) {
			return fmt.Errorf("it has %d collections of %d", n, len(b.of.collections))
		}
		read = func(c collection) iter.Seq2[bson.Raw, error] {
			ns := mongosource.Namespace{Database: c.database, Collection: c.name}
			return stream.All(ctx, view.Documents(ns, nil))
		}
	}
	for _, c := range b.of.collections {
		if err := c.compare(read(c)); err != nil {
			return fmt.Errorf("%s.%s: %w", c.database, c.name, err)
		}
	}
	return nil
}

// compare returns an error unless docs are the documents of the collection.
func (c *collection) compare(docs iter.Seq2[bson.Raw, error]) error {
	n := 0
	for doc, err := range docs {
		if err != nil {
			return err
		}
		if n == c.documents.Documents || !bytes.Equal(doc, c.documents.Document(n)) {
			return fmt.Errorf("document %d is not the one of the source", n)
		}
		n++
	}
	if n < c.documents.Documents {
		return fmt.Errorf("%d documents of %d", n, c.documents.Documents)
	}
	return nil
}

// theirDocuments returns a source of the documents in an object of the competent program, decrypted and
// decompressed by other code than ours.
func (w *world) theirDocuments(b *backupMade, c collection) stream.Source[bson.Raw] {
	lines := stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
		key := b.place.prefix + "/" + c.database + "/" + c.name + theirSuffix
		object, err := w.storage.GetObject(ctx, &s3.GetObjectInput{Bucket: &w.bucket, Key: &key})
		if err != nil {
			return err
		}
		defer object.Body.Close()
		plain, err := age.Decrypt(object.Body, w.identity)
		if err != nil {
			return err
		}
		text, err := gzip.NewReader(plain)
		if err != nil {
			return err
		}
		return source.Reader(text).Each(ctx, emit)
	})
	return stream.Via(lines, bsoncodec.ParseExtJSON(nil))
}

// checkTarget returns an error unless a server has all collections of the deployment, byte for byte, with
// their indexes, and no others.
func checkTarget(ctx context.Context, role string, srv *mongotest.Server, d *deployment) error {
	client, done, err := connect(srv.URI())
	if err != nil {
		return err
	}
	defer done()
	all := 0
	databases, err := client.ListDatabaseNames(ctx, bson.D{})
	if err != nil {
		return err
	}
	for _, name := range databases {
		collections, err := client.Database(name).ListCollectionNames(ctx, bson.D{})
		if err != nil {
			return err
		}
		all += len(collections)
	}
	want := 0
	for _, c := range d.collections {
		if c.documents.Documents > 0 || role == ours {
			want++
		}
		if c.documents.Documents > 0 && !srv.HasGenerated(c.database, c.name, c.documents) {
			return fmt.Errorf("%s.%s does not have all its documents", c.database, c.name)
		}
		if role == ours {
			if err := checkIndex(ctx, client.Database(c.database).Collection(c.name)); err != nil {
				return fmt.Errorf("%s.%s: %w", c.database, c.name, err)
			}
		}
	}
	if all != want {
		return fmt.Errorf("%d collections instead of %d", all, want)
	}
	return nil
}

// checkIndex returns an error unless a collection has its index. The competent program keeps none.
func checkIndex(ctx context.Context, coll *mongo.Collection) error {
	specs, err := coll.Indexes().ListSpecifications(ctx)
	if err != nil {
		return err
	}
	for _, s := range specs {
		want, _ := bson.Marshal(index)
		if s.Name == indexName && bytes.Equal(s.KeysDocument, want) {
			return nil
		}
	}
	return fmt.Errorf("the index %s is missing", indexName)
}
