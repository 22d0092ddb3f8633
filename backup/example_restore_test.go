package backup_test

import (
	"context"
	"fmt"
	"log"

	"filippo.io/age"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/memstore"
	"github.com/millweir/millweir/mongotest"
)

// Verify the newest backup, and restore one database under another name.
func ExampleView_Restore() {
	ctx := context.Background()
	client, repo, done := exampleBackup(ctx)
	defer done()

	view, err := repo.View(ctx, "") // the newest
	if err != nil {
		log.Fatal(err)
	}
	report, err := backup.Run(ctx, view.Verify(backup.Read, nil), 4)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("verified:", report.Counts.Documents, "documents")

	report, err = backup.Run(ctx, view.Restore(client, &backup.RestoreOptions{
		Renames: []backup.RenameRule{{From: "shop", To: "shop_test"}},
	}), 4)
	if err != nil {
		log.Fatal(err)
	}
	n, err := client.Database("shop_test").Collection("cookies").CountDocuments(ctx, bson.D{})
	fmt.Println("restored:", report.Counts.Documents, "documents; the server has", n, err)
	// Output:
	// verified: 2 documents
	// restored: 2 documents; the server has 2 <nil>
}

// exampleBackup returns a server with two documents, and a repository with a backup of them.
func exampleBackup(ctx context.Context) (*mongo.Client, *backup.Repository, func()) {
	server := mongotest.NewServer()
	client, err := mongo.Connect(options.Client().ApplyURI(server.URI()))
	if err != nil {
		log.Fatal(err)
	}
	docs := []any{bson.D{{Key: "_id", Value: 1}}, bson.D{{Key: "_id", Value: 2}}}
	if _, err := client.Database("shop").Collection("cookies").InsertMany(ctx, docs); err != nil {
		log.Fatal(err)
	}
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		log.Fatal(err)
	}
	keys := backup.Keys{Recipients: []age.Recipient{identity.Recipient()}, Identities: []age.Identity{identity}}
	repo, err := backup.Init(ctx, memstore.New(nil), keys, nil)
	if err != nil {
		log.Fatal(err)
	}
	job, err := repo.Backup(ctx, client, nil)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := backup.Run(ctx, job, 4); err != nil {
		log.Fatal(err)
	}
	return client, repo, func() { _ = client.Disconnect(ctx); server.Close() }
}
