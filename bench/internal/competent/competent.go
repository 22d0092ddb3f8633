// Package competent is the program of a developer who knows Go, the MongoDB driver and the AWS SDK, and
// writes a backup by hand: everything streams, and every error is checked. Benches compare with it.
package competent

//lint:file-ignore SA1019 programs of today use this upload manager; its successor costs more

import (
	"bufio"
	"compress/gzip"
	"context"
	"io"

	"filippo.io/age"
	"github.com/aws/aws-sdk-go-v2/feature/s3/manager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// Backup stores the documents of a collection as an object: canonical Extended JSON, gzip and age.
func Backup(ctx context.Context, from *mongo.Collection, to *s3.Client, bucket, key string, recipient age.Recipient,
) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pr, pw := io.Pipe()
	go func() { pw.CloseWithError(encode(ctx, from, pw, recipient)) }()
	uploader := manager.NewUploader(to)
	_, err := uploader.Upload(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: pr})
	pr.CloseWithError(err)
	return err
}

func encode(ctx context.Context, from *mongo.Collection, w io.Writer, recipient age.Recipient) error {
	cursor, err := from.Find(ctx, bson.D{})
	if err != nil {
		return err
	}
	defer cursor.Close(ctx)
	sealed, err := age.Encrypt(w, recipient)
	if err != nil {
		return err
	}
	packed := gzip.NewWriter(sealed)
	for cursor.Next(ctx) {
		line, err := bson.MarshalExtJSON(cursor.Current, true, false)
		if err != nil {
			return err
		}
		if _, err := packed.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	if err := cursor.Err(); err != nil {
		return err
	}
	if err := packed.Close(); err != nil {
		return err
	}
	return sealed.Close()
}

const (
	batchDocs = 1000      // documents inserted together
	maxLine   = 128 << 20 // bytes: more than the longest legal document as a line
)

// Restore inserts the documents of an object into a collection.
func Restore(ctx context.Context, from *s3.Client, bucket, key string, to *mongo.Collection, identity age.Identity,
) error {
	object, err := from.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return err
	}
	defer object.Body.Close()
	plain, err := age.Decrypt(object.Body, identity)
	if err != nil {
		return err
	}
	text, err := gzip.NewReader(plain)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(text)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	var batch []bson.Raw
	for lines.Scan() {
		var doc bson.Raw
		if err := bson.UnmarshalExtJSON(lines.Bytes(), true, &doc); err != nil {
			return err
		}
		if batch = append(batch, doc); len(batch) < batchDocs {
			continue
		}
		if _, err := to.InsertMany(ctx, batch); err != nil {
			return err
		}
		batch = batch[:0]
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if len(batch) > 0 {
		_, err = to.InsertMany(ctx, batch)
	}
	return err
}
