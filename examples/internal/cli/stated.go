package cli

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// Stated is what a backup states of its size: what the collection had when the backup began. The
// object's metadata has it, so it is about right and no more: metadata is sent before the first
// byte, and is not encrypted.
type SizeHint struct {
	Documents int64
	Bytes     int64 // of BSON
}

const documentsKey, bytesKey = "millweir-about-documents", "millweir-about-bson-bytes"

// Stated returns about how much coll has, or nothing if the server does not say it.
func (m *Mongo) SizeHint(ctx context.Context, coll *mongo.Collection) (s SizeHint) {
	err := m.Ask(ctx, "the size of "+m.Namespace(), func(ctx context.Context) error { return s.read(ctx, coll) })
	if err != nil || s.Documents < 0 || s.Bytes < 0 {
		return SizeHint{}
	}
	return s
}

// read adds up what the shards of coll have.
func (s *SizeHint) read(ctx context.Context, coll *mongo.Collection) error {
	cursor, err := coll.Aggregate(ctx, mongo.Pipeline{{{Key: "$collStats",
		Value: bson.D{{Key: "storageStats", Value: bson.D{}}}}}})
	if err != nil {
		return err
	}
	defer func() { _ = cursor.Close(ctx) }() // the server ends it anyway
	for cursor.Next(ctx) {
		documents, _ := cursor.Current.Lookup("storageStats", "count").AsInt64OK()
		size, _ := cursor.Current.Lookup("storageStats", "size").AsInt64OK()
		s.Documents, s.Bytes = s.Documents+documents, s.Bytes+size
	}
	return cursor.Err()
}

// AddTo adds the size to the metadata of an object.
func (s SizeHint) AddTo(metadata map[string]string) map[string]string {
	if s != (SizeHint{}) {
		metadata[documentsKey], metadata[bytesKey] = fmt.Sprint(s.Documents), fmt.Sprint(s.Bytes)
	}
	return metadata
}

// StatedIn returns what the metadata of an object states, and whether it does.
func ParseSizeHint(metadata map[string]string) (s SizeHint, ok bool) {
	n, _ := fmt.Sscanf(metadata[documentsKey]+" "+metadata[bytesKey], "%d %d", &s.Documents, &s.Bytes)
	return s, n == 2 && s.Documents >= 0 && s.Bytes >= 0
}
