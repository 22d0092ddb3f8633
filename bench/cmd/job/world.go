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
	"github.com/aws/smithy-go"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/bench/internal/child"
	"github.com/millweir/millweir/bench/internal/servers"
)

// world is the environment of the programs: servers, a database and a bucket that only this command
// uses, a key, and the data.
type world struct {
	log   io.Writer
	about string // describes the data and the servers

	shape    string
	sources  map[int64]*source // by size
	stored   map[string]int64  // sizes of the objects, by key
	identity *age.X25519Identity
	peer     program

	client  *mongo.Client
	db      *mongo.Database
	storage *s3.Client
	bucket  string

	env          []string // of the programs
	*servers.Set          // with the folder of the key
}

// open starts the servers that no flag names, and creates a database and a bucket. On an error it
// returns a nil world.
func open(ctx context.Context, s settings, log io.Writer) (_ *world, err error) {
	w := &world{
		log: log, shape: s.shape, sources: map[int64]*source{}, stored: map[string]int64{},
		peer: program{name: "peer", command: s.peer},
	}
	if w.Set, err = servers.New("millweir-job-"); err != nil {
		return nil, fmt.Errorf("job: %w", err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("job: %w", errors.Join(err, w.Close()))
		}
	}()
	if w.identity, err = age.GenerateX25519Identity(); err != nil {
		return nil, err
	}
	key := filepath.Join(w.Dir, "key.txt")
	if err := os.WriteFile(key, []byte(w.identity.String()+"\n"), 0o600); err != nil {
		return nil, err
	}
	database, err := w.Mongo(ctx, s.mongo)
	if err != nil {
		return nil, err
	}
	objects, err := w.S3(ctx, s.s3)
	if err != nil {
		return nil, err
	}
	name := "millweir-job-" + strings.ToLower(rand.Text()[:10])
	if err := w.openDatabase(ctx, database.Address, name); err != nil {
		return nil, err
	}
	if err := w.openBucket(ctx, objects, name); err != nil {
		return nil, err
	}
	w.about = fmt.Sprintf("%s, %s to %s", s.shape, database.Name, objects.Name)
	w.env = append(objects.Environ(), "MONGODB_URI="+database.Address, "JOB_DB="+name, "JOB_BUCKET="+name,
		"JOB_RECIPIENT="+w.identity.Recipient().String(), "JOB_IDENTITY="+key,
		sharesEnv+"="+filepath.Join(w.Dir, sharesFile))
	if s.profile != "" {
		dir, err := filepath.Abs(s.profile)
		if err != nil {
			return nil, err
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
		w.env = append(w.env, child.ProfileEnv+"="+dir)
	}
	return w, nil
}

func (w *world) openDatabase(ctx context.Context, uri, name string) (err error) {
	if w.client, err = mongo.Connect(
		options.Client().ApplyURI(uri).SetServerSelectionTimeout(10 * time.Second),
	); err != nil {
		return err
	}
	w.db = w.client.Database(name)
	w.OnClose(func() error { return w.client.Disconnect(context.Background()) })
	if err := w.client.Ping(ctx, nil); err != nil {
		return err
	}
	w.OnClose(func() error {
		ctx, cancel := cleaning()
		defer cancel()
		return w.db.Drop(ctx)
	})
	return nil
}

func (w *world) openBucket(ctx context.Context, server servers.S3, name string) (err error) {
	if w.storage, err = server.Client(ctx); err != nil {
		return err
	}
	w.bucket = name
	if _, err := w.storage.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name}); err != nil {
		return fmt.Errorf("make the bucket %s: %w", name, err)
	}
	w.OnClose(func() error {
		ctx, cancel := cleaning()
		defer cancel()
		objects, err := w.storage.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &name})
		if err != nil {
			return err
		}
		for _, o := range objects.Contents {
			if _, err := w.storage.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &name, Key: o.Key}); err != nil {
				return err
			}
		}
		_, err = w.storage.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &name})
		if api := smithy.APIError(nil); errors.As(err, &api) && api.ErrorCode() == "NotImplemented" {
			return nil // s3test does not implement it
		}
		return err
	})
	return nil
}

// cleaning returns a context for clean-up, which a cancellation does not end.
func cleaning() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 30*time.Second)
}
