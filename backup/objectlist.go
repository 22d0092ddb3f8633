package backup

import (
	"context"
	"maps"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/stream"
)

// namedObject is a row of the list of the objects that a backup names, in the order of their keys. The
// list is not encrypted, so that backups can be pruned and swept without a key. It has only keys,
// which are random, and sizes.
type namedObject struct {
	Key  string `bson:"key"`
	Size int64  `bson:"size"` // that the object must have at least
}

// objectList collects the objects that segments name.
type objectList map[string]int64

func (l objectList) add(key string, size int64) { l[key] = max(l[key], size) }

func (l objectList) addAll(other objectList) {
	for key, size := range other {
		l.add(key, size)
	}
}

// objectsOf returns the objects that segments name.
func objectsOf(segments []Segment) objectList {
	list := objectList{}
	for i := range segments {
		list.add(segments[i].Object, segments[i].Offset+segments[i].Length)
	}
	return list
}

// objectListKey returns the key of the list of the objects of a backup: it has the tally t.
func objectListKey(run string, t Tally) string {
	return objectListPrefix(run) + t.short() + suffix("", true)
}

func objectListPrefix(run string) string { return backupsPrefix + run + "/objects-" }

func (r *Repository) objectListPlace(run string) place {
	return place{Repository: r.id, Run: run, Kind: kindObjects}
}

// putObjects stores the list of a backup, and returns its tally.
func (r *Repository) putObjects(ctx context.Context, run string, list objectList) (Tally, error) {
	rows := stream.SourceFunc[bson.Raw](func(_ context.Context, emit func(bson.Raw) error) error {
		for _, key := range slices.Sorted(maps.Keys(list)) {
			if err := emitBSON(namedObject{key, list[key]}, emit); err != nil {
				return err
			}
		}
		return nil
	})
	return r.putNamed(ctx, func(all Tally) string { return objectListKey(run, all) }, r.objectListPlace(run), nil, rows)
}

// lost returns the keys of the objects of a list that the store does not have, or has shorter.
func (r *Repository) lost(ctx context.Context, list objectList) (keys []string, _ error) {
	named := make([]Segment, 0, len(list))
	for _, key := range slices.Sorted(maps.Keys(list)) {
		named = append(named, Segment{Object: key})
	}
	sizes, err := sizesIn(ctx, r.store, named)
	if err != nil {
		return nil, err
	}
	for _, s := range named {
		if found, ok := sizes[s.Object]; !ok || found < list[s.Object] {
			keys = append(keys, s.Object)
		}
	}
	return keys, nil
}

// eachKey calls f with the key of each object that the backup needs, except for its manifest.
func (r *Repository) eachKey(ctx context.Context, m *Manifest, f func(key string)) error {
	f(objectListKey(m.Run, m.Objects))
	for n := range m.Collections {
		f(r.catalogKey(m.Run, n, m.Collections[n].Catalog))
	}
	return r.objects(m).Each(ctx, func(o namedObject) error {
		f(o.Key)
		return nil
	})
}

// objects returns a source of the objects that the backup names, in the order of their keys. A run that
// returns nil has proved that the list is the one that the manifest names.
func (r *Repository) objects(m *Manifest) stream.Source[namedObject] {
	key := objectListKey(m.Run, m.Objects)
	return r.objectList(m.Run, key, func(found Tally) error {
		if found != m.Objects {
			return failed(key, damaged("it is not the list that the manifest names"))
		}
		return nil
	})
}

// objectsOfDeleted returns a source of the objects that a deleted backup named. Its manifest is not known,
// so it emits those of all of its lists: processes that finished the run in vain left more than one.
func (r *Repository) objectsOfDeleted(run string) stream.Source[namedObject] {
	lists := stream.Via(r.store.List(objectListPrefix(run)),
		stream.ConcatMap(func(o Object) stream.Source[namedObject] {
			return r.objectList(run, o.Key, func(Tally) error { return nil })
		}))
	missing := stream.Fail[namedObject](failed(objectListPrefix(run),
		damaged("the list of a deleted backup is missing")))
	return stream.OrElse(lists, missing)
}

// objectList returns a source of the rows of one list. check gets their tally at the end.
func (r *Repository) objectList(run, key string, check func(Tally) error) stream.Source[namedObject] {
	return stream.SourceFunc[namedObject](func(ctx context.Context, emit func(namedObject) error) error {
		last := ""
		var found Tally
		err := r.records(key, r.objectListPlace(run), nil, func(t Tally) {
			found = t
		}).Each(ctx, func(doc bson.Raw) error {
			var o namedObject
			if err := bson.Unmarshal(doc, &o); err != nil || CheckKey(o.Key) != nil || o.Key <= last {
				return failed(key, damaged("a row of it is not valid, or out of order"))
			}
			last = o.Key
			return emit(o)
		})
		if err != nil {
			return err
		}
		return check(found)
	})
}
