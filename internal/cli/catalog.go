package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/printable"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// Catalog describes a collection apart from its documents.
type Catalog struct {
	Kind      string   // "collection", "view", "timeseries"; "" if the collection does not exist
	Options   []string // names of the options it was created with
	Indexes   []string // except the one of _id, with special properties: "email_1 (unique)"
	ReadError error    // why the catalog is incomplete: the user may not read it

	kind        mongosource.Kind
	description bson.Raw   // of the collection
	indexes     []bson.Raw // all
	uuid        bool       // the server gives the collection a UUID
}

// Catalog returns the catalog of coll.
func (m *Mongo) Catalog(ctx context.Context, coll *mongo.Collection) Catalog {
	var c Catalog
	err := m.Ask(ctx, "the options and indexes of "+m.Namespace(),
		func(ctx context.Context) error { return c.read(ctx, coll) })
	if err != nil {
		c.ReadError = m.Explain(err)
	}
	return c
}

// read fills c with the catalog of coll. If it fails, c has what it read before the error.
func (c *Catalog) read(ctx context.Context, coll *mongo.Collection) error {
	found, err := stream.Run(ctx, mongosource.Collections(coll.Database(), &mongosource.CollectionsOptions{
		Filter: bson.D{{Key: "name", Value: coll.Name()}}, System: true,
	}), sink.Slice[mongosource.Collection]())
	found = slices.DeleteFunc(found, func(c mongosource.Collection) bool { // a server may ignore the filter
		return c.Name != coll.Name()
	})
	if err != nil || len(found) == 0 {
		return err
	}
	c.kind, c.description, c.uuid = found[0].Kind, found[0].Raw(), found[0].UUID != [16]byte{}
	c.Kind, _ = c.description.Lookup("type").StringValueOK()
	options, err := found[0].Options.Elements()
	if err != nil && len(found[0].Options) > 0 {
		return err
	}
	for _, o := range options {
		c.Options = append(c.Options, o.Key())
	}
	if c.kind == mongosource.KindView {
		return nil // its indexes belong to the collection that it shows
	}
	c.indexes, err = stream.Run(ctx, stream.Via(mongosource.Indexes(coll), stream.Take[bson.Raw](maxIndexes)),
		sink.Slice[bson.Raw]())
	for _, index := range c.indexes {
		if name := describeIndex(index); name != "" {
			c.Indexes = append(c.Indexes, name)
		}
	}
	return err
}

// Scannable reports whether the documents can be read in the order of their _id, so that a broken
// scan continues. The order of a capped collection is the one of its insertions.
func (c Catalog) Scannable() bool {
	return c.ReadError == nil && c.uuid && (c.kind == mongosource.KindPlain || c.kind == mongosource.KindClustered)
}

// Keepable reports whether there is anything to keep next to the documents.
func (c Catalog) Keepable() bool { return c.ReadError == nil && c.description != nil && !c.Empty() }

// maxIndexes limits the indexes that are read. A collection of MongoDB has at most 64.
const maxIndexes = 1000

// commonFields are the fields that every index has, or that follow from its key.
var commonFields = []string{
	"v", "key", "name", "ns", "background", "default_language", "language_override",
	"textIndexVersion", "2dsphereIndexVersion",
}

// describeIndex returns the name of an index and its special properties. It returns "" for the
// index of _id that every collection has.
func describeIndex(index bson.Raw) string {
	if isIDIndex(index) {
		return ""
	}
	var special []string
	fields, _ := index.Elements() // as many as can be read
	for _, f := range fields {
		if yes, ok := f.Value().BooleanOK(); !slices.Contains(commonFields, f.Key()) && (!ok || yes) {
			special = append(special, f.Key())
		}
	}
	name, _ := index.Lookup("name").StringValueOK()
	if len(special) > 0 {
		name += " (" + strings.Join(special, ", ") + ")"
	}
	return name
}

// isIDIndex reports whether index is the one of _id that every collection has. A hashed index of
// _id, which has the string "hashed" as its direction, is another one.
func isIDIndex(index bson.Raw) bool {
	key, ok := index.Lookup("key").DocumentOK()
	if !ok {
		return false
	}
	fields, err := key.Elements()
	return err == nil && len(fields) == 1 && fields[0].Key() == "_id" && fields[0].Value().Type != bson.TypeString
}

// Empty reports whether the collection has only documents.
func (c Catalog) Empty() bool {
	return len(c.Options) == 0 && len(c.Indexes) == 0 && c.ReadError == nil && (c.Kind == "" || c.Kind == "collection")
}

// maxNames is the largest number of names in a sentence.
const maxNames = 10

// String returns the catalog in words: "2 indexes: email_1 (unique), born_1; 1 option: validator".
func (c Catalog) String() string {
	var parts []string
	switch c.Kind {
	case "", "collection":
	case "view":
		parts = append(parts, "the definition of the view")
	default:
		parts = append(parts, "the kind "+c.Kind)
	}
	if n := len(c.Indexes); n > 0 {
		parts = append(parts, plural(int64(n), "index", "indexes")+": "+joinNames(c.Indexes))
	}
	if n := len(c.Options); n > 0 {
		parts = append(parts, plural(int64(n), "option", "options")+": "+joinNames(c.Options))
	}
	if c.ReadError != nil {
		parts = append(parts, fmt.Sprintf("indexes and options that could not be looked at: %v", c.ReadError))
	}
	return strings.Join(parts, "; ")
}

// joinNames returns the first maxNames names in words.
func joinNames(all []string) string {
	if len(all) <= maxNames {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(all[:maxNames], ", "), len(all)-maxNames)
}

// Attrs returns the catalog as the attributes of a JSON message.
func (c Catalog) Attrs() []any {
	attrs := []any{"kind", Foreign(c.Kind), "indexes", foreignNames(c.Indexes), "options", foreignNames(c.Options)}
	if c.ReadError != nil {
		attrs = append(attrs, "unseen", c.ReadError)
	}
	return attrs
}

// foreignNames marks names as text from outside.
func foreignNames(names []string) []Foreign {
	all := make([]Foreign, len(names))
	for i, name := range names {
		all[i] = Foreign(name)
	}
	return all
}

// leftOutKey is the metadata key of what a backup left out. The value has no names that a user
// chose, because metadata is not encrypted.
const leftOutKey = "millweir-left-out"

// notReadable is the value of leftOutKey if the user may not read the catalog.
const notReadable = "not looked at"

// Metadata returns the object's metadata about the catalog.
func (c Catalog) Metadata() map[string]string {
	var parts []string
	if c.ReadError != nil {
		return map[string]string{leftOutKey: notReadable}
	}
	if c.Kind != "" && c.Kind != "collection" {
		parts = append(parts, "the kind "+c.Kind)
	}
	if n := len(c.Indexes); n > 0 {
		parts = append(parts, plural(int64(n), "index", "indexes"))
	}
	if len(c.Options) > 0 {
		parts = append(parts, "options: "+joinNames(c.Options))
	}
	if len(parts) == 0 {
		parts = append(parts, "nothing")
	}
	text := printable.Escape(strings.Join(parts, "; "))
	return map[string]string{leftOutKey: truncate(text, maxText, len(text))}
}

// LeftOut returns what the backup of an object left out, by the object's metadata. It returns "" if
// that is nothing, and a general text if the metadata does not say.
func LeftOut(metadata map[string]string) string {
	switch said := metadata[leftOutKey]; {
	case said == "nothing":
		return ""
	case said != "" && said != notReadable:
		return said
	}
	return "indexes, and options such as a validator, a collation, capped or time series, if there were any"
}
