package main

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// Our programs, with the default settings and with the fastest level of gzip.
var (
	millweirDefault = millweir("default", nil)
	millweirFast    = millweir("fast", &codec.GzipOptions{Level: 1})
)

func millweir(level string, gzip *codec.GzipOptions) program {
	return program{
		name: "millweir", role: "millweir-" + level,
		backup: func(ctx context.Context, j *job) error {
			body := stream.Via3(mongosource.Find(j.collection, bson.D{}, nil),
				bsoncodec.ExtJSON(nil),
				codec.Gzip(gzip),
				agecodec.Encrypt(j.recipient),
			)
			_, err := stream.Run(ctx, body, s3sink.Upload(j.storage, j.bucket, j.key, nil))
			return err
		},
		restore: func(ctx context.Context, j *job) error {
			documents := stream.Via3(s3source.Download(j.storage, j.bucket, j.key, nil),
				agecodec.Decrypt(j.identity),
				codec.Gunzip(nil),
				bsoncodec.ParseExtJSON(nil),
			)
			_, err := stream.Run(ctx, documents, mongosink.Insert(j.collection, nil))
			return err
		},
	}
}
