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

// backup stores every document of cookies in one S3 object. The object appears only when it is
// complete.
func backup(ctx context.Context, cookies *mongo.Collection, read *stream.Stats, f codec.Format[bson.Raw],
	client *s3.Client, bucket, key string,
) (s3sink.Object, error) {
	body := stream.Via2(mongosource.Find(cookies, bson.D{}, nil),
		stream.Monitor[bson.Raw](read),
		f.Encode(),
	)
	return stream.Run(ctx, body, s3sink.Upload(client, bucket, key, &s3sink.UploadOptions{PartSize: 5 << 20}))
}

// restore is the mirror of backup.
func restore(ctx context.Context, client *s3.Client, bucket, key string, f codec.Format[bson.Raw],
	cookies *mongo.Collection,
) (mongosink.InsertResult, error) {
	documents := stream.Via(s3source.Download(client, bucket, key, nil), f.Decode())
	return stream.Run(ctx, documents, mongosink.Insert(cookies, nil))
}

// format returns the encoder and the decoder of a backup in one value, so that a restore cannot
// undo the stages in another order. Its suffix is .jsonl.gz.age. The JSON is canonical, which
// preserves every type. A backup needs no counters; this program prints them.
func format(key *age.X25519Identity, n *passed) codec.Format[bson.Raw] {
	return bsoncodec.ExtJSONFormat(nil, nil).
		Then(count(&n.json)).
		Then(codec.GzipFormat(nil, nil)).
		Then(count(&n.gzip)).
		Then(agecodec.Format([]age.Recipient{key.Recipient()}, []age.Identity{key})).
		Then(count(&n.age))
}

// passed counts what left each stage of the backup.
type passed struct{ documents, json, gzip, age stream.Stats }

// count returns a format that counts the bytes of a backup and changes nothing.
func count(n *stream.Stats) codec.Format[[]byte] {
	same := stream.FlowFunc[[]byte, []byte](func(src stream.Source[[]byte]) stream.Source[[]byte] { return src })
	return codec.FormatOf(stream.MonitorBytes(n), same, "")
}
