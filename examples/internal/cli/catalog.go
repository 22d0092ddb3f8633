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
	Kind    string   // "collection", "view", "timeseries"; "" if the collection does not exist
	Options []string // names of the options that it was created with
	Indexes []string // but that of _id, with the names of what is special: "email_1 (unique)"
	Unseen  error    // why not all of it was seen: the user has no right to look
}

// Catalog returns what coll has next to its documents.
func (m *Mongo) Catalog(ctx context.Context, coll *mongo.Collection) Catalog {
	ctx, cancel := context.WithTimeoutCause(ctx, lookTime, errSilent)
	defer cancel()
	var c Catalog
	found, err := coll.Database().ListCollectionSpecifications(ctx, bson.D{{Key: "name", Value: coll.Name()}})
	switch {
	case err != nil:
		return Catalog{Unseen: m.Explain(err)}
	case len(found) == 0:
		return c
	}
	c.Kind = found[0].Type
	options, err := found[0].Options.Elements()
	if err != nil {
		c.Unseen = err
	}
	for _, o := range options {
		c.Options = append(c.Options, o.Key())
	}
	if c.Kind == "view" {
		return c // it has the indexes of the collection that it shows
	}
	cursor, err := coll.Indexes().List(ctx)
	if err != nil {
		c.Unseen = m.Explain(err)
		return c
	}
	defer cursor.Close(context.WithoutCancel(ctx))
	for cursor.Next(ctx) {
		if name := describe(cursor.Current); name != "" {
			c.Indexes = append(c.Indexes, name)
		}
	}
	if err := cursor.Err(); err != nil {
		c.Unseen = m.Explain(err)
	}
	return c
}

// ordinary are the fields of an index that are in every one, or follow from its key.
var ordinary = []string{"v", "key", "name", "ns", "background", "default_language", "language_override", "textIndexVersion", "2dsphereIndexVersion"}

// describe returns the name of an index and what is special about it; "" for the one of _id that every collection has.
func describe(index bson.Raw) string {
	if key, ok := index.Lookup("key").DocumentOK(); ok {
		fields, err := key.Elements()
		if err == nil && len(fields) == 1 && fields[0].Key() == "_id" && fields[0].Value().Type != bson.TypeString { // "hashed" is one of its own
			return ""
		}
	}
	var special []string
	fields, _ := index.Elements() // what can be read of it
	for _, f := range fields {
		if yes, ok := f.Value().BooleanOK(); !slices.Contains(ordinary, f.Key()) && (!ok || yes) {
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
	return len(c.Options) == 0 && len(c.Indexes) == 0 && c.Unseen == nil && (c.Kind == "" || c.Kind == "collection")
}

// listed is how many names a sentence has.
const listed = 10

// String returns the catalog in words: "2 indexes (email_1 (unique), born_1) and the options validator, collation".
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
		parts = append(parts, counted(int64(n), "index", "indexes")+": "+names(c.Indexes))
	}
	if n := len(c.Options); n > 0 {
		parts = append(parts, counted(int64(n), "option", "options")+": "+names(c.Options))
	}
	if c.Unseen != nil {
		parts = append(parts, fmt.Sprintf("indexes and options that could not be looked at: %v", c.Unseen))
	}
	return strings.Join(parts, "; ")
}

// names returns the first of all in words.
func names(all []string) string {
	if len(all) <= listed {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(all[:listed], ", "), len(all)-listed)
}

// Attrs returns the catalog for a message in JSON.
func (c Catalog) Attrs() []any {
	attrs := []any{"kind", c.Kind, "indexes", append([]string{}, c.Indexes...), "options", append([]string{}, c.Options...)}
	if c.Unseen != nil {
		attrs = append(attrs, "unseen", oneLine(c.Unseen))
	}
	return attrs
}

// leftOut is the key of the object's metadata that says what a backup left out. It has no names of a user's choice, for it is not encrypted.
const leftOut = "millweir-left-out"

// notSeen is what it says if the user had no right to look.
const notSeen = "not looked at"

// Metadata returns what the object says of the catalog.
func (c Catalog) Metadata() map[string]string {
	var parts []string
	if c.Unseen != nil {
		return map[string]string{leftOut: notSeen}
	}
	if c.Kind != "" && c.Kind != "collection" {
		parts = append(parts, "the kind "+c.Kind)
	}
	if n := len(c.Indexes); n > 0 {
		parts = append(parts, counted(int64(n), "index", "indexes"))
	}
	if len(c.Options) > 0 {
		parts = append(parts, "options: "+names(c.Options))
	}
	if len(parts) == 0 {
		parts = append(parts, "nothing")
	}
	return map[string]string{leftOut: printable(strings.Join(parts, "; "))}
}

// LeftOut returns what the metadata of an object says that the backup left out: "" if that is nothing, and what it may be if it is not said.
func LeftOut(metadata map[string]string) string {
	switch said := metadata[leftOut]; {
	case said == "nothing":
		return ""
	case said != "" && said != notSeen:
		return said
	}
	return "indexes, and options such as a validator, a collation, capped or time series, if there were any"
}
