package main

import (
	"context"

	"github.com/spf13/pflag"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/cmd/millweir/internal/cli"
)

// mongoFlags are the flags of a MongoDB deployment.
type mongoFlags struct{ file string }

func (m *mongoFlags) bind(flags *pflag.FlagSet) {
	flags.StringVar(&m.file, "mongo-file", "",
		"a `FILE` that holds the MongoDB URI (default: the variable MONGODB_URI)")
}

// connect returns a client that has reached its server. The caller disconnects it.
func (m *mongoFlags) connect(ctx context.Context, a *app) (*mongo.Client, *cli.Mongo, error) {
	access := &cli.Mongo{URIFile: m.file}
	client, err := access.Connect(ctx, a.program)
	return client, access, err
}
