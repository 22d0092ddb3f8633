package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/backup/signing"
	"github.com/millweir/millweir/bench/internal/child"
	"github.com/millweir/millweir/bench/internal/servers"
)

// world is the environment of the programs: an S3 server, a folder, and keys.
type world struct {
	*servers.Set
	log       io.Writer
	about     string // describes the servers
	templates templates

	storage  *s3.Client
	bucket   string
	env      []string // of the programs
	identity *age.X25519Identity
	sign     *signing.Key

	made map[string]*backupMade // by program, store and deployment
}

// backupMade is a backup that can be restored.
type backupMade struct {
	place  place
	of     *deployment
	stored int64 // bytes
	count  int64 // objects
}

// open starts the S3 server that no flag names, and creates a bucket.
func open(ctx context.Context, s settings, log io.Writer) (_ *world, err error) {
	w := &world{log: log, templates: newTemplates(), made: map[string]*backupMade{}}
	if w.Set, err = servers.New("millweir-deployment-"); err != nil {
		return nil, fmt.Errorf("deployment: %w", err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("deployment: %w", errors.Join(err, w.Close()))
		}
	}()
	if w.identity, err = age.GenerateX25519Identity(); err != nil {
		return nil, err
	}
	if w.sign, err = signing.Generate(); err != nil {
		return nil, err
	}
	secret, err := w.sign.Marshal()
	if err != nil {
		return nil, err
	}
	objects, err := w.S3(ctx, s.s3)
	if err != nil {
		return nil, err
	}
	w.about = "mongotest to " + objects.Name
	if w.storage, err = objects.Client(ctx); err != nil {
		return nil, err
	}
	w.bucket = "millweir-deployment-" + strings.ToLower(rand.Text()[:10])
	if _, err := w.storage.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &w.bucket}); err != nil {
		return nil, fmt.Errorf("make the bucket %s: %w", w.bucket, err)
	}
	w.OnClose(w.emptyBucket)
	w.env = append(objects.Environ(), bucketEnv+"="+w.bucket, identityEnv+"="+w.identity.String(),
		signingKeyEnv+"="+string(secret))
	return w, w.profile(s.profile)
}

// profile makes the programs write CPU profiles into a folder.
func (w *world) profile(dir string) error {
	if dir == "" {
		return nil
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	w.env = append(w.env, child.ProfileEnv+"="+dir)
	return os.MkdirAll(dir, 0o755)
}

// emptyBucket removes all objects, and the bucket if the server can.
func (w *world) emptyBucket() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := w.deleteObjects(ctx, ""); err != nil {
		return err
	}
	_, _ = w.storage.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &w.bucket}) // s3test does not implement it
	return nil
}

// connect returns a client of a server in this process.
func connect(uri string) (*mongo.Client, func(), error) {
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	return client, func() { _ = client.Disconnect(context.Background()) }, err
}

// createIndexes gives each collection of the server its index.
func (d *deployment) createIndexes(ctx context.Context, uri string) error {
	client, done, err := connect(uri)
	if err != nil {
		return err
	}
	defer done()
	for _, c := range d.collections {
		if _, err := client.Database(c.database).Collection(c.name).Indexes().CreateOne(ctx,
			mongo.IndexModel{Keys: index, Options: options.Index().SetName(indexName)}); err != nil {
			return err
		}
	}
	return nil
}

// Each collection has this index.
var index = bson.D{{Key: "kind", Value: int32(1)}, {Key: "at", Value: int32(-1)}}

const indexName = "kind_at"
