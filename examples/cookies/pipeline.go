package main

import (
	"context"

	"filippo.io/age"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// passed counts what left each stage of the backup. A pipeline needs no monitors; they are here to tell the story.
type passed struct{ documents, json, gzip, age stream.Stats }

// backup stores every document of cookies in one S3 object: as JSON, compressed, encrypted. The object is there only if it is whole.
func backup(ctx context.Context, cookies *mongo.Collection, client *s3.Client, bucket, key string, recipient age.Recipient, n *passed) (s3sink.Object, error) {
	json := stream.Via3(mongosource.Find(cookies, bson.D{}, nil),
		stream.Monitor[bson.Raw](&n.documents),
		bsoncodec.ExtJSON(nil), // canonical: every type comes back as it was
		stream.Monitor[[]byte](&n.json),
	)
	sealed := stream.Via4(json,
		codec.Gzip(nil),
		stream.Monitor[[]byte](&n.gzip),
		agecodec.Encrypt(recipient),
		stream.Monitor[[]byte](&n.age),
	)
	return stream.Run(ctx, sealed, s3sink.Upload(client, bucket, key, &s3sink.UploadOptions{PartSize: 5 << 20}))
}

// restore is the mirror of backup.
func restore(ctx context.Context, client *s3.Client, bucket, key string, identity age.Identity, cookies *mongo.Collection) (mongosink.InsertResult, error) {
	documents := stream.Via3(s3source.Download(client, bucket, key, nil),
		agecodec.Decrypt(identity),
		codec.Gunzip(nil),
		bsoncodec.ParseExtJSON(nil),
	)
	return stream.Run(ctx, documents, mongosink.Insert(cookies, nil))
}
