package main

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
)

// competent is the program of a developer who knows Go, the driver and the SDK: everything streams,
// and every error is checked.
var competent = program{name: "competent", role: "competent", backup: competentBackup, restore: competentRestore}

func competentBackup(ctx context.Context, j *job) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pr, pw := io.Pipe()
	go func() { pw.CloseWithError(competentEncode(ctx, j, pw)) }()
	uploader := manager.NewUploader(j.storage)
	_, err := uploader.Upload(ctx, &s3.PutObjectInput{Bucket: &j.bucket, Key: &j.key, Body: pr})
	pr.CloseWithError(err)
	return err
}

func competentEncode(ctx context.Context, j *job, w io.Writer) error {
	cursor, err := j.collection.Find(ctx, bson.D{})
	if err != nil {
		return err
	}
	defer cursor.Close(ctx)
	sealed, err := age.Encrypt(w, j.recipient)
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

func competentRestore(ctx context.Context, j *job) error {
	object, err := j.storage.GetObject(ctx, &s3.GetObjectInput{Bucket: &j.bucket, Key: &j.key})
	if err != nil {
		return err
	}
	defer object.Body.Close()
	plain, err := age.Decrypt(object.Body, j.identity)
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
		if _, err := j.collection.InsertMany(ctx, batch); err != nil {
			return err
		}
		batch = batch[:0]
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if len(batch) > 0 {
		_, err = j.collection.InsertMany(ctx, batch)
	}
	return err
}
