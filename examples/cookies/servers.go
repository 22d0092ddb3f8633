package main

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/examples/cookies/internal/embedded"
)

const bucket = "backups"

// servers holds the two servers in this process and a client of each.
type servers struct {
	cookies *mongo.Collection
	s3      *s3.Client

	mongoURI, s3Endpoint string
	stop                 []func()
}

// startServers starts a MongoDB-compatible server, with its files in a temporary directory, and an
// S3 server in memory.
func startServers(ctx context.Context) (_ *servers, err error) {
	s := new(servers)
	defer func() {
		if err != nil {
			s.Stop()
		}
	}()

	dir, err := os.MkdirTemp("", "millweir-cookies-")
	if err != nil {
		return nil, fmt.Errorf("make a directory for the database: %w", err)
	}
	s.stop = append(s.stop, func() { _ = os.RemoveAll(dir) })
	database, err := embedded.StartMongo(dir)
	if err != nil {
		return nil, err
	}
	s.mongoURI = database.URI
	s.stop = append(s.stop, database.Stop)
	client, err := mongo.Connect(options.Client().ApplyURI(database.URI))
	if err != nil {
		return nil, fmt.Errorf("connect to the embedded database: %w", err)
	}
	s.cookies = client.Database("shop").Collection("cookies")
	s.stop = append(s.stop, func() { _ = client.Disconnect(context.WithoutCancel(ctx)) })

	storage, err := embedded.StartS3(bucket)
	if err != nil {
		return nil, err
	}
	s.stop = append(s.stop, storage.Stop)
	s.s3, s.s3Endpoint = storage.Client(), storage.Endpoint
	return s, nil
}

// Stop stops clients and servers in reverse order, and removes their files.
func (s *servers) Stop() {
	for i := len(s.stop) - 1; i >= 0; i-- {
		s.stop[i]()
	}
	s.stop = nil
}
