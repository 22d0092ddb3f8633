package backup_test

import (
	"context"
	"fmt"
	"os"

	"filippo.io/age"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/dirstore"
	"github.com/millweir/millweir/backup/signing"
	"github.com/millweir/millweir/mongotest"
)

// A backup of one database goes into a directory. The next one stores only what has changed.
func ExampleRepository_Backup() {
	ctx := context.Background()
	server := mongotest.NewServer() // stands for your own server
	defer server.Close()
	client, err := mongo.Connect(options.Client().ApplyURI(server.URI()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Disconnect(ctx)
	for _, name := range []string{"orders", "cookies"} {
		_, err := client.Database("shop").Collection(name).InsertOne(ctx, bson.D{{Key: "_id", Value: 1}})
		if err != nil {
			fmt.Println(err)
			return
		}
	}

	identity, _ := age.GenerateX25519Identity() // keep it where you restore
	sign, _ := signing.Generate()               // keep it where you make backups
	folder, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(folder)
	store := dirstore.New(folder, nil)
	repo, err := backup.Init(ctx, store, backup.Keys{Recipients: []age.Recipient{identity.Recipient()}, Sign: sign},
		nil)
	if err != nil {
		fmt.Println(err)
		return
	}

	for range 2 {
		job, err := repo.Backup(ctx, client, &backup.Options{Select: backup.Select{Include: []string{"shop"}}})
		if err != nil {
			fmt.Println(err)
			return
		}
		report, err := backup.Run(ctx, job, 4)
		if err != nil {
			fmt.Println(err) // there is no backup; repo.Resume goes on
			return
		}
		fmt.Println(report.Counts.Documents, "documents, something was stored:", report.Counts.Stored > 0)
	}
	// Output:
	// 2 documents, something was stored: true
	// 2 documents, something was stored: false
}
