package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"

	"filippo.io/age"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// metadataSuffix is added to the key of a backup: that object has the options and indexes of the
// collection.
const metadataSuffix = ".metadata"

// backupIDKey is the metadata key that ties the object of the documents to the one with the options
// and indexes. A backup that was replaced, or whose second object is missing, is recognized by it.
const backupIDKey = "millweir-backup"

// metadataFormat is the version of [Metadata].
const metadataFormat = 1

// Metadata is what the object next to a backup has: one line of canonical Extended JSON, compressed
// and encrypted as the backup is.
type Metadata struct {
	Format     int32      `bson:"format"`
	Backup     string     `bson:"backup"`     // the millweir-backup of the object with the documents
	Collection bson.Raw   `bson:"collection"` // as listCollections describes it
	Indexes    []bson.Raw `bson:"indexes"`    // as listIndexes describes them
}

// NewBackupID returns the random name of one backup.
func NewBackupID() string { return rand.Text() }

// AddBackupID adds id to the metadata of an object.
func AddBackupID(metadata map[string]string, id string) map[string]string {
	metadata[backupIDKey] = id
	return metadata
}

// MetadataKey returns the key of the object with the options and indexes.
func (s *S3) MetadataKey() string { return s.Key + metadataSuffix }

// MetadataURL returns s3://BUCKET/KEY.metadata.
func (s *S3) MetadataURL() string { return s.URL() + metadataSuffix }

// MetadataOf returns what a backup of the collection keeps, under the name id.
func (c Catalog) MetadataOf(id string) Metadata {
	return Metadata{Format: metadataFormat, Backup: id, Collection: c.description, Indexes: c.indexes}
}

// Restorable reports whether the collection can be made again. A view and a time series cannot be
// filled in a staging collection.
func (m *Metadata) Restorable() bool {
	kind, _ := m.Collection.Lookup("type").StringValueOK()
	return kind == "collection"
}

// Capped reports whether the collection keeps the order of its insertions.
func (m *Metadata) Capped() bool {
	capped, _ := m.Collection.Lookup("options", "capped").BooleanOK()
	return capped
}

// Without returns the options and indexes of c that m does not have.
func (c Catalog) Without(m *Metadata) Catalog {
	c.Kind = "collection"
	c.Options = slices.DeleteFunc(slices.Clone(c.Options), func(name string) bool {
		return !m.Collection.Lookup("options", name).IsZero()
	})
	c.Indexes = slices.DeleteFunc(slices.Clone(c.Indexes), func(text string) bool {
		return slices.ContainsFunc(m.Indexes, func(index bson.Raw) bool { return describeIndex(index) == text })
	})
	return c
}

// maxMetadata limits the BSON of a [Metadata], and the object that it is read from.
const maxMetadata = 32 << 20

// ReadMetadata reads what the backup keeps of its collection. It returns nil if the backup says that
// it keeps nothing, or if there is no such object of the same backup.
func (s *S3) ReadMetadata(
	ctx context.Context, client *s3.Client, object *s3.HeadObjectOutput, identities []age.Identity,
) (*Metadata, error) {
	id := object.Metadata[backupIDKey]
	if id == "" {
		return nil, nil
	}
	format := &FormatOptions{Encrypted: len(identities) > 0, Identities: identities}
	body := stream.Via2(s3source.Download(client, s.Bucket, s.MetadataKey(),
		&s3source.DownloadOptions{RetryTimeout: s.RetryTimeout()}),
		stream.LimitBytes(maxMetadata, func(p []byte) int { return len(p) }),
		CheckFormat(format),
	)
	line := stream.Via2(stream.Via(body, Format(format).Decode()),
		stream.LimitBytes(maxMetadata, func(d bson.Raw) int { return len(d) }),
		stream.Limit[bson.Raw](1),
	)
	docs, err := Protect(func() ([]bson.Raw, error) { return stream.Run(ctx, line, sink.Slice[bson.Raw]()) })
	switch {
	case errors.Is(err, s3source.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, Errorf("%s: %w; -documents-only restores without the options and indexes", s.MetadataURL(),
			s.Explain(ExplainContents(err)))
	case len(docs) != 1:
		return nil, Errorf("%s is empty; -documents-only restores without the options and indexes", s.MetadataURL())
	}
	var m Metadata
	if err := bson.Unmarshal(docs[0], &m); err != nil || m.Format != metadataFormat {
		return nil, Errorf("%s has another format than this program reads; -documents-only restores without the "+
			"options and indexes", s.MetadataURL())
	}
	if m.Backup != id {
		return nil, nil
	}
	return &m, nil
}
