package cli

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// SizeHint is the size of the collection when its backup began, as the object's metadata states it.
// It is an estimate, because metadata is sent before the first byte of the object, and it is not
// authenticated.
type SizeHint struct {
	Documents int64
	Bytes     int64 // of BSON
}

const documentsKey, bytesKey = "millweir-about-documents", "millweir-about-bson-bytes"

// SizeHint returns the approximate size of coll, or the zero value if the server does not state it.
func (m *Mongo) SizeHint(ctx context.Context, coll *mongo.Collection) (s SizeHint) {
	err := m.Ask(ctx, "the size of "+m.Namespace(), func(ctx context.Context) error { return s.read(ctx, coll) })
	if err != nil || s.Documents < 0 || s.Bytes < 0 {
		return SizeHint{}
	}
	return s
}

// read adds up the sizes of coll on its shards.
func (s *SizeHint) read(ctx context.Context, coll *mongo.Collection) error {
	cursor, err := coll.Aggregate(ctx, mongo.Pipeline{{{
		Key:   "$collStats",
		Value: bson.D{{Key: "storageStats", Value: bson.D{}}},
	}}})
	if err != nil {
		return err
	}
	defer func() { _ = cursor.Close(ctx) }() // the server closes it after a timeout
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

// ParseSizeHint returns the size that the metadata of an object states, and reports whether there
// is one.
func ParseSizeHint(metadata map[string]string) (s SizeHint, ok bool) {
	n, _ := fmt.Sscanf(metadata[documentsKey]+" "+metadata[bytesKey], "%d %d", &s.Documents, &s.Bytes)
	return s, n == 2 && s.Documents >= 0 && s.Bytes >= 0
}
