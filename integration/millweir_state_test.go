package integration_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// state is a text for each collection of a database. Two collections with the same text have the same
// options, indexes and documents, byte for byte.
type state map[string]string

// isStaged reports whether a collection is one of an unfinished restore.
func isStaged(name string) bool { return strings.HasPrefix(name, "millweir_restore_") }

// stateOf returns the state of a database, without the collections of unfinished restores, and the
// names of these. It reads with the driver alone. It tries again if it fails: a server can still carry
// out the last commands of a program that was killed.
func stateOf(t testing.TB, db *mongo.Database) (all state, staged []string) {
	t.Helper()
	until(t, "the database is read", func() bool {
		var err error
		all, staged, err = readState(t, db)
		if err != nil {
			t.Log(err)
		}
		return err == nil
	})
	return all, staged
}

func readState(t testing.TB, db *mongo.Database) (all state, staged []string, err error) {
	found, err := db.ListCollectionSpecifications(t.Context(), bson.D{})
	if err != nil {
		return nil, nil, err
	}
	all = state{}
	for _, c := range found {
		if isStaged(c.Name) {
			staged = append(staged, c.Name)
			continue
		}
		indexes, err := indexesOf(t, db.Collection(c.Name))
		if err != nil {
			return nil, nil, err
		}
		documents, err := digestOf(t, db.Collection(c.Name))
		if err != nil {
			return nil, nil, err
		}
		all[c.Name] = fmt.Sprintf("%s %v %s %s", c.Type, c.Options, indexes, documents)
	}
	return all, staged, nil
}

func indexesOf(t testing.TB, coll *mongo.Collection) (string, error) {
	cursor, err := coll.Indexes().List(t.Context())
	if err != nil {
		return "", err
	}
	var indexes []bson.D
	if err := cursor.All(t.Context(), &indexes); err != nil {
		return "", err
	}
	var texts []string
	for _, index := range indexes {
		texts = append(texts, fmt.Sprint(slices.DeleteFunc(index, func(e bson.E) bool { return e.Key == "ns" })))
	}
	slices.Sort(texts)
	return strings.Join(texts, ", "), nil
}

func digestOf(t testing.TB, coll *mongo.Collection) (string, error) {
	cursor, err := coll.Find(t.Context(), bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
	if err != nil {
		return "", err
	}
	defer cursor.Close(t.Context())
	n, digest := 0, sha256.New()
	for cursor.Next(t.Context()) {
		n++
		digest.Write(cursor.Current)
	}
	return fmt.Sprintf("%d documents %x", n, digest.Sum(nil)), errors.Join(cursor.Err())
}

// differs returns the names of the collections in which two states differ.
func (s state) differs(other state) (names []string) {
	for name := range maps.All(s) {
		if other[name] != s[name] {
			names = append(names, name)
		}
	}
	for name := range other {
		if _, ok := s[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
