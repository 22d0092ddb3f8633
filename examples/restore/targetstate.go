package main

import (
	"context"
	"errors"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
)

// targetState is the state of the target before the restore.
type targetState int

const (
	missing targetState = iota
	empty
	filled
)

// targetState asks the server for the state of the target.
func (j *job) targetState(ctx context.Context) (found targetState, err error) {
	err = j.mongo.Ask(ctx, "whether "+j.mongo.Namespace()+" has documents", func(ctx context.Context) error {
		found, err = collectionState(ctx, j.coll)
		return err
	})
	return found, err
}

// collectionState asks the primary for the state of coll: a secondary may lag.
func collectionState(ctx context.Context, coll *mongo.Collection) (targetState, error) {
	coll = coll.Clone(options.Collection().SetReadPreference(readpref.Primary()))
	err := coll.FindOne(ctx, bson.D{}).Err()
	if err == nil {
		return filled, nil
	}
	if !errors.Is(err, mongo.ErrNoDocuments) {
		return missing, err
	}
	names, err := coll.Database().ListCollectionNames(ctx, bson.D{{Key: "name", Value: coll.Name()}})
	if err != nil || !slices.Contains(names, coll.Name()) { // a server may ignore the filter
		return missing, err
	}
	return empty, nil
}
