package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// Catalog is what a collection has next to its documents: a backup has none of it.
type Catalog struct {
	Kind      string   // "collection", "view", "timeseries"; "" if the collection does not exist
	Options   []string // names of the options that it was created with
	Indexes   []string // but that of _id, with the names of what is special: "email_1 (unique)"
	ReadError error    // why not all of it was seen: the user has no right to look
}

// Catalog returns what coll has next to its documents.
func (m *Mongo) Catalog(ctx context.Context, coll *mongo.Collection) Catalog {
	var c Catalog
	err := m.Ask(ctx, "the options and indexes of "+m.Namespace(),
		func(ctx context.Context) error { return c.read(ctx, coll) })
	if err != nil {
		c.ReadError = m.Explain(err)
	}
	return c
}

// read finds out what coll has. What it has read before an error stays.
func (c *Catalog) read(ctx context.Context, coll *mongo.Collection) error {
	found, err := coll.Database().ListCollectionSpecifications(ctx, bson.D{{Key: "name", Value: coll.Name()}})
	if err != nil || len(found) == 0 {
		return err
	}
	c.Kind = found[0].Type
	options, err := found[0].Options.Elements()
	if err != nil {
		return err
	}
	for _, o := range options {
		c.Options = append(c.Options, o.Key())
	}
	if c.Kind == "view" {
		return nil // it has the indexes of the collection that it shows
	}
	cursor, err := coll.Indexes().List(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = cursor.Close(ctx) }() // the server ends it anyway
	for len(c.Indexes) < maxIndexes && cursor.Next(ctx) {
		if name := describeIndex(cursor.Current); name != "" {
			c.Indexes = append(c.Indexes, name)
		}
	}
	return cursor.Err()
}

// maxIndexes is how many indexes are read: more than the 64 that a collection of MongoDB may have.
const maxIndexes = 1000

// ordinary are the fields of an index that are in every one, or follow from its key.
var commonFields = []string{"v", "key", "name", "ns", "background", "default_language", "language_override",
	"textIndexVersion", "2dsphereIndexVersion"}

// describe returns the name of an index and what is special about it; "" for the one of _id that
// every collection has.
func describeIndex(index bson.Raw) string {
	if key, ok := index.Lookup("key").DocumentOK(); ok {
		fields, err := key.Elements()
		if err == nil && len(fields) == 1 && fields[0].Key() == "_id" && fields[0].Value().Type != bson.TypeString { // "hashed" is one of its own
			return ""
		}
	}
	var special []string
	fields, _ := index.Elements() // what can be read of it
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

// Empty reports whether there is nothing next to the documents.
func (c Catalog) Empty() bool {
	return len(c.Options) == 0 && len(c.Indexes) == 0 && c.ReadError == nil && (c.Kind == "" || c.Kind == "collection")
}

// listed is how many names a sentence has.
const maxNames = 10

// String returns the catalog in words: "2 indexes (email_1 (unique), born_1) and the options
// validator, collation".
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

// names returns the first of all in words.
func joinNames(all []string) string {
	if len(all) <= maxNames {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(all[:maxNames], ", "), len(all)-maxNames)
}

// Attrs returns the catalog for a message in JSON.
func (c Catalog) Attrs() []any {
	attrs := []any{"kind", Foreign(c.Kind), "indexes", foreignNames(c.Indexes), "options", foreignNames(c.Options)}
	if c.ReadError != nil {
		attrs = append(attrs, "unseen", c.ReadError)
	}
	return attrs
}

// foreign returns names that a server sent.
func foreignNames(names []string) []Foreign {
	all := make([]Foreign, len(names))
	for i, name := range names {
		all[i] = Foreign(name)
	}
	return all
}

// leftOut is the key of the object's metadata that says what a backup left out. It has no names of
// a user's choice, for it is not encrypted.
const leftOutKey = "millweir-left-out"

// notSeen is what it says if the user had no right to look.
const notReadable = "not looked at"

// Metadata returns what the object says of the catalog.
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
	text := printable(strings.Join(parts, "; "))
	return map[string]string{leftOutKey: truncate(text, maxText, len(text))}
}

// LeftOut returns what the metadata of an object says that the backup left out: "" if that is
// nothing, and what it may be if it is not said.
func LeftOut(metadata map[string]string) string {
	switch said := metadata[leftOutKey]; {
	case said == "nothing":
		return ""
	case said != "" && said != notReadable:
		return said
	}
	return "indexes, and options such as a validator, a collation, capped or time series, if there were any"
}
