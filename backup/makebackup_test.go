package backup

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"filippo.io/age"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/backup/signing"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// madeCollection is a collection of a backup that a test makes by hand.
type madeCollection struct {
	ns       mongosource.Namespace
	kind     Kind
	options  bson.D
	indexes  []bson.D
	encoding Encoding
	segments [][]bson.Raw
	claimed  func(*Tally) // changes what the catalog says of a segment; may be nil
}

// plainCollection returns a collection of one segment for each n of sizes, of documents with the _ids
// from 0 on.
func plainCollection(t *testing.T, db, coll string, sizes ...int) madeCollection {
	t.Helper()
	all := 0
	for _, n := range sizes {
		all += n
	}
	docs := numbers(t, all)
	c := madeCollection{ns: mongosource.Namespace{Database: db, Collection: coll}, kind: mongosource.KindPlain}
	for _, n := range sizes {
		c.segments = append(c.segments, docs[:n])
		docs = docs[n:]
	}
	return c
}

// documents returns all documents.
func (c madeCollection) documents() (docs []bson.Raw) {
	for _, s := range c.segments {
		docs = append(docs, s...)
	}
	return docs
}

// testKeys are all keys of a person.
func testKeys(t *testing.T) Keys {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	sign, err := signing.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return Keys{Recipients: []age.Recipient{identity.Recipient()}, Identities: []age.Identity{identity}, Sign: sign}
}

// makeRepository returns a signed and encrypted repository in a new store.
func makeRepository(t *testing.T) (*Repository, *memStore) {
	t.Helper()
	store := newMemStore()
	r, err := Init(t.Context(), store, testKeys(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r, store
}

// makeBackup stores a backup of the collections. The segments of a collection share an object.
func makeBackup(t *testing.T, r *Repository, began time.Time, collections ...madeCollection) string {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	m := &Manifest{
		Kind: manifestKind, Format: format, Reader: format, Repository: r.id, Run: newName(began), Tool: "test",
		Server: Server{Topology: "replica set"}, Began: began.UTC().Truncate(time.Second),
		Ended: began.UTC().Truncate(time.Second), Consistency: "fuzzy", Encoding: JSONGzip,
	}
	var data, records []age.Recipient
	if !r.plain {
		epoch, recipient, err := r.recipient(ctx)
		must(err)
		m.Epoch, data = epoch, []age.Recipient{recipient}
		records, err = r.recordRecipients(recipient)
		must(err)
	}
	list := objectList{}
	for n, c := range collections {
		entry := CollectionEntry{Database: c.ns.Database, Collection: c.ns.Collection, Kind: c.kind}
		head := &catalogHead{Kind: c.kind}
		if c.kind == mongosource.KindPlain || c.kind == mongosource.KindClustered {
			head.UUID = bson.Binary{Subtype: bson.TypeBinaryUUID, Data: bytes.Repeat([]byte{byte(n + 1)}, 16)}
		}
		if c.ns.Collection != "" {
			head.Description = document(t, bson.D{
				{Key: "name", Value: c.ns.Collection},
				{Key: "type", Value: typeOf(c.kind)},
				{Key: "options", Value: orEmpty(c.options)},
			})
		}
		for _, index := range c.indexes {
			head.Indexes = append(head.Indexes, document(t, index))
		}
		key := dataKey(m.Run, n, 0, c.encoding, r.plain)
		var rows []Segment
		var body []byte
		for i, docs := range c.segments {
			row := Segment{
				Object: key, Offset: int64(len(body)), Encoding: c.encoding, Run: m.Run, Unit: n, Number: i,
				Read: m.Ended,
			}
			p, s := encoded(t, r.segmentPlace(&row, entry.Database, entry.Collection), c.encoding, data, docs)
			row.Length, row.SHA256, row.Tally = s.Length, s.SHA256, s.Tally
			if c.claimed != nil {
				c.claimed(&row.Tally)
			}
			if len(docs) > 0 && c.options == nil {
				row.First, row.Last = docs[0].Lookup("_id"), docs[len(docs)-1].Lookup("_id")
			}
			body = append(body, p...)
			rows = append(rows, row)
			list.add(row.Object, row.Offset+row.Length)
			entry.Documents += s.Tally.Documents
			entry.Bytes += s.Tally.Bytes
			entry.Stored += s.Length
			entry.Segments++
		}
		if len(body) > 0 {
			_, err := stream.Run(ctx, source.Of(body), r.store.Put(key, nil))
			must(err)
		}
		all, err := r.putCatalog(ctx, m.Run, n, &entry, records, head, rows)
		must(err)
		entry.Catalog = all
		m.Collections = append(m.Collections, entry)
	}
	all, err := r.putObjects(ctx, m.Run, list)
	must(err)
	m.Objects = all
	must(r.putManifest(ctx, m))
	return m.Run
}

func orEmpty(d bson.D) bson.D {
	if d == nil {
		return bson.D{}
	}
	return d
}

// document returns v as BSON.
func document(t *testing.T, v any) bson.Raw {
	t.Helper()
	doc, err := bson.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// view returns the view of a backup.
func view(t *testing.T, r *Repository, run string) *View {
	t.Helper()
	v, err := r.View(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// damageOf returns the problems that err lists.
func damageOf(err error) []Problem {
	var e *DamageError
	if errors.As(err, &e) {
		return e.Problems
	}
	return nil
}

// counter returns a sink that counts documents.
func counter() stream.Sink[bson.Raw, int] {
	return sink.Fold(0, func(n int, _ bson.Raw) int { return n + 1 })
}

// typeOf returns what listCollections calls a kind.
func typeOf(kind Kind) string {
	if kind == mongosource.KindCapped || kind == mongosource.KindClustered {
		return string(mongosource.KindPlain)
	}
	return string(kind)
}
