package backup

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/bsonorder"
	"github.com/millweir/millweir/internal/mongofixture"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// shop are collections of all kinds that a restore handles in different ways.
func shop(t *testing.T) []madeCollection {
	t.Helper()
	plain := plainCollection(t, "shop", "orders", 10, 10, 10, 10, 10)
	plain.options = bson.D{{
		Key:   "validator",
		Value: bson.D{{Key: "_id", Value: bson.D{{Key: "$exists", Value: true}}}},
	}}
	plain.indexes = []bson.D{
		{{Key: "v", Value: 2}, {Key: "key", Value: bson.D{{Key: "_id", Value: 1}}}, {Key: "name", Value: "_id_"}},
		{{Key: "v", Value: 2}, {Key: "key", Value: bson.D{{Key: "name", Value: 1}}}, {Key: "name", Value: "name_1"}},
	}
	capped := plainCollection(t, "shop", "log", 5, 5)
	capped.kind = mongosource.KindCapped
	capped.options = bson.D{{Key: "capped", Value: true}, {Key: "size", Value: 1 << 20}}
	slices.Reverse(capped.segments[0])
	series := plainCollection(t, "shop", "weather", 4, 4)
	series.kind = mongosource.KindTimeSeries
	series.options = bson.D{{Key: "timeseries", Value: bson.D{{Key: "timeField", Value: "t"}}}}
	return []madeCollection{
		plain, capped, series, plainCollection(t, "shop", "none"),
		{
			ns: mongosource.Namespace{Database: "shop", Collection: "seen"}, kind: mongosource.KindView,
			options: bson.D{{Key: "viewOn", Value: "orders"}, {Key: "pipeline", Value: bson.A{}}},
		},
		plainCollection(t, "other", "things", 3),
	}
}

// content returns the documents of a collection, in the order of _id unless the order matters.
func content(srv *mongotest.Server, ns mongosource.Namespace, kind Kind) []bson.Raw {
	return ordered(srv.Documents(ns.Database, ns.Collection), kind)
}

func ordered(docs []bson.Raw, kind Kind) []bson.Raw {
	docs = slices.Clone(docs)
	if kind != mongosource.KindCapped {
		slices.SortFunc(docs, func(a, b bson.Raw) int { return bsonorder.Compare(a.Lookup("_id"), b.Lookup("_id")) })
	}
	return docs
}

func sameDocuments(a, b []bson.Raw) bool {
	return slices.EqualFunc(a, b, func(a, b bson.Raw) bool { return bytes.Equal(a, b) })
}

// names returns the names of all collections of a server, with their kinds and options.
func names(t *testing.T, srv *mongotest.Server) []string {
	t.Helper()
	client := mongofixture.Connect(t, srv)
	var all []string
	for db, err := range stream.All(t.Context(), mongosource.Databases(client, nil)) {
		if err != nil {
			t.Fatal(err)
		}
		found, err := stream.Run(t.Context(), mongosource.Collections(client.Database(db), nil),
			sink.Slice[mongosource.Collection]())
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range found {
			all = append(all, fmt.Sprintf("%s.%s %s %s", db, c.Name, c.Kind, c.Options))
		}
	}
	slices.Sort(all)
	return all
}

// checkShop compares a server with what a restore of the collections makes of it.
func checkShop(t *testing.T, srv *mongotest.Server, collections []madeCollection) {
	t.Helper()
	for _, c := range collections {
		if got := content(srv, c.ns, c.kind); !sameDocuments(got, ordered(c.documents(), c.kind)) {
			t.Errorf("%s has %d documents, want %d", c.ns, len(got), len(c.documents()))
		}
	}
}
