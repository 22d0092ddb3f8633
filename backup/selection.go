package backup

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// selection is what a [Select] has found.
type selection struct {
	client       *mongo.Client
	opts         *Select
	patterns     patterns
	allowMissing bool

	collections []planCollection
	leftOut     []LeftOut
}

// selectCollections finds the collections that o selects.
func selectCollections(ctx context.Context, client *mongo.Client, o *Options) (*selection, error) {
	s := &selection{client: client, opts: &o.Select, allowMissing: o.AllowMissing}
	var err error
	if s.patterns, err = parsePatterns(o.Select.Include, o.Select.Exclude); err != nil {
		return nil, err
	}
	databases, err := stream.Run(ctx, mongosource.Databases(client, &mongosource.DatabasesOptions{System: true}),
		sink.Slice[string]())
	if err != nil {
		return nil, err
	}
	for _, name := range databases {
		if !s.patterns.includesDatabase(name) {
			continue
		}
		if err := s.addDatabase(ctx, name); err != nil {
			return nil, err
		}
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	return s, s.addAccess(ctx)
}

// bucketsPrefix and the name of a time series are the name of the collection that holds its measurements.
const bucketsPrefix = "system.buckets."

// addDatabase adds the collections of a database.
func (s *selection) addDatabase(ctx context.Context, name string) error {
	all := mongosource.Collections(s.client.Database(name), &mongosource.CollectionsOptions{System: true})
	first := len(s.collections)
	buckets := map[string]bson.Binary{} // by the names of the time series
	_, err := stream.Run(ctx, all, sink.ForEach(func(_ context.Context, c mongosource.Collection) error {
		if series, ok := strings.CutPrefix(c.Name, bucketsPrefix); ok {
			buckets[series] = bson.Binary{Subtype: bson.TypeBinaryUUID, Data: c.UUID[:]}
		}
		return s.add(name, c)
	}))
	for i := range s.collections[first:] {
		if c := &s.collections[first+i]; c.Head.Kind == mongosource.KindTimeSeries {
			c.Buckets = buckets[c.Collection]
		}
	}
	if err == nil || ctx.Err() != nil || !s.allowMissing || !isMissing(err) {
		return err
	}
	s.leftOut = append(s.leftOut, LeftOut{Database: name, Reason: "its collections may not be listed"})
	return nil
}

func (s *selection) add(database string, c mongosource.Collection) error {
	n := mongosource.Namespace{Database: database, Collection: c.Name}
	switch {
	case !s.patterns.selects(n):
		return nil
	case !utf8.ValidString(database) || !utf8.ValidString(c.Name):
		return s.refuseName(n)
	case c.Name == "system.js":
		s.leftOut = append(s.leftOut, LeftOut{database, c.Name, "it has functions of the server"})
		return nil
	case strings.HasPrefix(c.Name, "system."):
		return nil
	}
	entry := planCollection{Database: database, Collection: c.Name, InParent: -1}
	entry.Head.Kind, entry.Head.Description = c.Kind, c.Raw()
	if c.UUID != [16]byte{} {
		entry.Head.UUID = bson.Binary{Subtype: bson.TypeBinaryUUID, Data: c.UUID[:]}
	}
	if filter, ok := s.opts.Filters[n]; ok {
		entry.Head.Filter, _ = bson.Marshal(filter) // checked
		s.leftOut = append(s.leftOut, LeftOut{database, c.Name, "the documents that the filter does not match"})
	}
	s.collections = append(s.collections, entry)
	return nil
}

// refuseName leaves a collection out whose name no manifest can have, or returns an error.
func (s *selection) refuseName(n mongosource.Namespace) error {
	if !s.allowMissing {
		return invalid("the name %.60q.%.60q is not valid UTF-8: exclude the collection, or rename it", n.Database,
			n.Collection)
	}
	s.leftOut = append(s.leftOut, LeftOut{
		strings.ToValidUTF8(n.Database, "\ufffd"), strings.ToValidUTF8(n.Collection, "\ufffd"),
		"its name is not valid UTF-8",
	})
	return nil
}

// check returns an error if something was asked for that does not exist.
func (s *selection) check() error {
	var names []mongosource.Namespace
	for i := range s.collections {
		names = append(names, s.collections[i].namespace())
	}
	for _, text := range s.patterns.unmatched(names) {
		if !s.allowMissing {
			return fmt.Errorf("%w: no collection matches %.60q", ErrNothing, text)
		}
		s.leftOut = append(s.leftOut, LeftOut{Database: text, Reason: "no collection matches this pattern"})
	}
	for n, filter := range s.opts.Filters {
		if _, err := bson.Marshal(filter); err != nil {
			return invalid("the filter of %s is not a document: %w", n, err)
		}
		if !slices.Contains(names, n) {
			return fmt.Errorf("%w: there is a filter for %s, which is not selected or does not exist", ErrNothing, n)
		}
	}
	slices.SortFunc(s.leftOut, compareLeftOut)
	return nil
}

func compareLeftOut(a, b LeftOut) int {
	return slices.Compare([]string{a.Database, a.Collection, a.Reason}, []string{b.Database, b.Collection, b.Reason})
}

// addAccess adds the users and roles. They get the names of the collections in which a server keeps
// them, which cannot be selected.
func (s *selection) addAccess(ctx context.Context) error {
	add := func(kind Kind) {
		c := planCollection{Database: "admin", Collection: "system." + string(kind), InParent: -1}
		c.Head.Kind = kind
		s.collections = append(s.collections, c)
	}
	if s.opts.Users {
		add(KindUsers)
	}
	if !s.opts.Roles {
		return nil
	}
	add(KindRoles)
	_, err := roleDatabases(ctx, s.client)
	if err != nil && rolesHidden(ctx, err) {
		s.leftOut = append(s.leftOut, hiddenRoles)
		return nil
	}
	return err
}
