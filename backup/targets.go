package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// target is a collection of a backup and where it is restored.
type target struct {
	number int // of the collection in the backup
	entry  *CollectionEntry
	to     mongosource.Namespace
}

// targets returns the selected collections, without users and roles. Two of them have different
// targets.
func (v *View) targets(o *RestoreOptions) ([]target, error) {
	chosen, err := parsePatterns(o.Include, o.Exclude)
	if err != nil {
		return nil, err
	}
	var all []target
	var names []mongosource.Namespace
	from := map[mongosource.Namespace]mongosource.Namespace{}
	for i := range v.manifest.Collections {
		c := &v.manifest.Collections[i]
		if c.Kind == KindUsers || c.Kind == KindRoles {
			continue
		}
		ns := c.Namespace()
		names = append(names, ns)
		if !chosen.selects(ns) {
			continue
		}
		to := o.Rename(ns)
		if other, ok := from[to]; ok {
			return nil, fatal(fmt.Sprintf("%.200q and %.200q would both become %.200q", other.String(), ns.String(),
				to.String()))
		}
		if to.Database == "" || to.Collection == "" || strings.Contains(to.Database, ".") {
			return nil, fatal(fmt.Sprintf("%.200q would become %.200q, which is not the name of a collection",
				ns.String(), to.String()))
		}
		if ofServer(ns, to) {
			return nil, fatal(fmt.Sprintf("%.200q would become %.200q, which belongs to the server: "+
				"choose another name", ns.String(), to.String()))
		}
		from[to] = ns
		all = append(all, target{i, c, to})
	}
	if err := v.checkPreparedNames(all, from); err != nil {
		return nil, err
	}
	if missing := o.unmatched(chosen, names); len(missing) > 0 {
		return nil, fmt.Errorf("%w: nothing matches %.200q", ErrNoCollection, strings.Join(missing, ", "))
	}
	if len(all) == 0 && len(names) > 0 {
		return nil, fmt.Errorf("%w: all were excluded", ErrNoCollection)
	}
	return all, nil
}

// checkPreparedNames returns an error if a target has a name that the restore needs to prepare
// another one.
func (v *View) checkPreparedNames(all []target, from map[mongosource.Namespace]mongosource.Namespace) error {
	for _, t := range all {
		for _, suffix := range []string{"", fillingSuffix, laterSuffix} {
			name := mongosource.Namespace{Database: t.to.Database, Collection: v.preparedName(t) + suffix}
			if other, ok := from[name]; ok {
				return fatal(fmt.Sprintf("%.200q would become %.200q, and %.200q is prepared under that name: "+
					"choose another name", other.String(), name.String(), t.to.String()))
			}
		}
	}
	return nil
}

// ofServer reports whether a collection would become one of the server, where a write could change
// users, rights or the replica set. A collection that a user made in a database of the server may
// come back into it.
func ofServer(from, to mongosource.Namespace) bool {
	return slices.Contains(systemDatabases, to.Database) && to.Database != from.Database ||
		strings.HasPrefix(to.Collection, "system.") || to.Collection == "oplog.rs"
}

// unmatched returns the patterns, rules and namespaces of the options that are for none of the names.
func (o *RestoreOptions) unmatched(chosen patterns, names []mongosource.Namespace) (texts []string) {
	if len(o.Include) > 0 {
		texts = chosen.unmatched(names)
	}
	texts = append(texts, patterns{include: chosen.exclude}.unmatched(names)...)
	for _, rule := range o.Renames {
		from, _ := parsePattern(rule.From) // checked
		texts = append(texts, patterns{include: []pattern{from}}.unmatched(names)...)
	}
	for ns := range o.EraseIDs {
		if !slices.Contains(names, ns) {
			texts = append(texts, ns.String())
		}
	}
	return texts
}

// Targeter is a [Job] that makes collections.
type Targeter interface {
	// Targets returns their names, in the order of their names in the backup. There are none if the
	// options are not valid.
	Targets() []mongosource.Namespace
}

var _ Targeter = (*restoreJob)(nil)

// Targets implements [Targeter].
func (j *restoreJob) Targets() []mongosource.Namespace {
	names := make([]mongosource.Namespace, len(j.all))
	for i := range j.all {
		names[i] = j.all[i].to
	}
	return names
}

// preparedName returns the name under which a target is prepared, in its database. It depends only on
// the backup, the collection and the target, so that a restore that is run again finds what a killed
// one left, and one of another collection does not.
func (v *View) preparedName(t target) string {
	hash := sha256.Sum256([]byte(strings.Join([]string{
		v.repo.id, v.manifest.Run, t.entry.Database, t.entry.Collection, t.to.Database, t.to.Collection,
	}, "\x00")))
	return preparedPrefix + hex.EncodeToString(hash[:8])
}

// preparedPrefix begins the names of collections that are not published yet. One that is not complete
// has the suffix fillingSuffix. The mark of a merge has the suffix laterSuffix.
const (
	preparedPrefix = "millweir_restore_"
	fillingSuffix  = "_part"
	laterSuffix    = "_later"
)

// collectionOf returns the collection of a target, to be read from the primary.
func collectionOf(client *mongo.Client, ns mongosource.Namespace) *mongo.Collection {
	return client.Database(ns.Database).Collection(ns.Collection,
		options.Collection().SetReadPreference(readpref.Primary()))
}

// exists reports whether a collection exists.
func exists(ctx context.Context, coll *mongo.Collection) (bool, error) {
	found, err := lookUp(ctx, coll)
	return found != nil, err
}

// lookUp returns what the server says about a collection, or nil if it does not exist.
func lookUp(ctx context.Context, coll *mongo.Collection) (*mongosource.Collection, error) {
	found, err := stream.Run(ctx, mongosource.Collections(coll.Database(), &mongosource.CollectionsOptions{
		Filter: bson.D{{Key: "name", Value: coll.Name()}}, System: true,
	}), sink.Slice[mongosource.Collection]())
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// tallyOfSource counts documents.
func tallyOfSource(ctx context.Context, docs stream.Source[bson.Raw]) (Tally, error) {
	count := newTally()
	err := docs.Each(ctx, func(doc bson.Raw) error {
		count.add(doc)
		return nil
	})
	return count.result(), err
}
