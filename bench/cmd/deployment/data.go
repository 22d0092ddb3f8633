package main

import (
	"encoding/binary"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/corpus"
	"github.com/millweir/millweir/mongotest"
)

// deployment describes the collections that are backed up. Their documents are made when they are
// read, so that it takes no memory.
type deployment struct {
	name        string
	collections []collection
	documents   int64
	bytes       int64 // of BSON
}

type collection struct {
	database, name string
	documents      *mongotest.Generated
}

// templates are documents. All others are copies of them, each with its own _id. There are more than a
// compressor remembers.
type templates []bson.Raw

const idOffset = 4 + 1 + len("_id\x00") // of the ObjectID in a document: length, type and name

func newTemplates() templates {
	const count = 4096
	return corpus.Docs(count, corpus.New(1).Mix)
}

// of returns the documents of the n-th collection. Those from the changed-th on are others than those of
// a collection without changes, with the same _ids.
func (t templates) of(n, documents, changed int) *mongotest.Generated {
	id := func(i int) (id bson.ObjectID) {
		binary.BigEndian.PutUint32(id[:], 0x6a000000+uint32(n)) // a time, as in ObjectIDs of drivers
		binary.BigEndian.PutUint64(id[4:], uint64(i))
		return id
	}
	return &mongotest.Generated{Documents: documents, ID: id, Document: func(i int) bson.Raw {
		k := i
		if i >= changed {
			k++
		}
		doc := append(bson.Raw(nil), t[(k+31*n)%len(t)]...)
		at := id(i)
		copy(doc[idOffset:], at[:])
		return doc
	}}
}

// size returns the bytes of the documents.
func size(g *mongotest.Generated, t templates) (n int64) {
	rounds, rest := g.Documents/len(t), g.Documents%len(t)
	for i := range min(len(t), g.Documents) {
		times := rounds
		if i < rest {
			times++
		}
		n += int64(times) * int64(len(g.Document(i)))
	}
	return n
}

// add adds a collection with a number of documents.
func (d *deployment) add(t templates, database, name string, documents, changed int) {
	g := t.of(len(d.collections), documents, changed)
	d.collections = append(d.collections, collection{database, name, g})
	d.documents += int64(documents)
	d.bytes += size(g, t)
}

// manyCollections returns a deployment of n collections. Most of them are tiny.
func manyCollections(t templates, n int) *deployment {
	d := &deployment{name: fmt.Sprintf("%d collections", n)}
	for i := range n {
		documents := i * 7 % 12 // none to 11
		switch {
		case i%100 == 99:
			documents = 2000 // 3 MB
		case i%25 == 24:
			documents = 150
		}
		d.add(t, fmt.Sprintf("tenant%02d", i%20), fmt.Sprintf("collection%04d", i), documents, documents)
	}
	return d
}

// large returns a deployment of a few collections. A part of all documents is changed: the newest of the
// largest collection.
func large(t templates, bytes int64, changed float64) *deployment {
	mean := size(t.of(0, len(t), len(t)), t) / int64(len(t))
	d := &deployment{name: megabytes(bytes)}
	for i, percent := range []int64{40, 20, 15, 10, 8, 4, 2, 1} {
		documents := int(bytes * percent / 100 / mean)
		unchanged := documents
		if i == 0 {
			unchanged -= int(float64(bytes/mean) * changed)
		}
		d.add(t, fmt.Sprintf("shop%d", i%2), fmt.Sprintf("collection%d", i), documents, unchanged)
	}
	return d
}

// segment returns the size of the segments of a backup: a small deployment has as many as a large one,
// in bytes.
func (d *deployment) segment() int64 { return min(max(d.bytes/32, 64<<10), 32<<20) }

func megabytes(n int64) string { return fmt.Sprintf("%.4g MB", float64(n)/1e6) }

// serve returns a server with the deployment.
func (d *deployment) serve() *mongotest.Server {
	srv := mongotest.NewServer()
	for _, c := range d.collections {
		srv.AddGenerated(c.database, c.name, c.documents)
	}
	return srv
}

// target returns a server that takes the documents of the deployment in, and keeps none.
func (d *deployment) target() *mongotest.Server {
	srv := mongotest.NewServer()
	for _, c := range d.collections {
		srv.Recognize(c.documents)
	}
	return srv
}
