package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"

	"filippo.io/age"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/dirstore"
	"github.com/millweir/millweir/backup/s3store"
	"github.com/millweir/millweir/backup/signing"
	"github.com/millweir/millweir/bench/internal/child"
	"github.com/millweir/millweir/bench/internal/competent"
	"github.com/millweir/millweir/stream"
)

// The environment of a program.
const (
	actionEnv     = "DEPLOYMENT_ACTION" // backup, verify or restore
	folderEnv     = "DEPLOYMENT_FOLDER" // of a repository in a directory
	bucketEnv     = "DEPLOYMENT_BUCKET" // of a repository in S3
	prefixEnv     = "DEPLOYMENT_PREFIX" // of it
	mongoEnv      = "MONGODB_URI"       // what is read, or filled
	identityEnv   = "DEPLOYMENT_IDENTITY"
	signingKeyEnv = "DEPLOYMENT_SIGNING_KEY"
	resultEnv     = "DEPLOYMENT_RESULT"  // the file for the result
	segmentEnv    = "DEPLOYMENT_SEGMENT" // bytes of a segment; missing means the default
)

// result is what a program says about its run.
type result struct {
	Requests int64 // to S3
	Report   backup.Report
}

// The roles of the programs.
const (
	ours   = "millweir"
	theirs = "competent"
)

// The defaults of the command millweir: the units that are done at once, and the memory budget for each.
const (
	unitsAtOnce = 4
	unitMemory  = 10 << 20
)

func runProgram(role string) error {
	ctx := context.Background()
	var r result
	j, err := newJob(ctx, &r)
	if err != nil {
		return err
	}
	run := j.ours
	if role == theirs {
		run = j.theirs
	}
	err = child.Profiled(role+"."+os.Getenv(actionEnv), func() error { return run(ctx, &r) })
	if err != nil {
		return err
	}
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return os.WriteFile(os.Getenv(resultEnv), text, 0o600)
}

// job has the clients and keys of a program.
type job struct {
	mongo    *mongo.Client // nil for a verification
	storage  *s3.Client
	store    backup.Store
	bucket   string
	prefix   string
	identity *age.X25519Identity
	sign     *signing.Key
}

func newJob(ctx context.Context, r *result) (*job, error) {
	j := &job{bucket: os.Getenv(bucketEnv), prefix: os.Getenv(prefixEnv)}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, err
	}
	cfg.HTTPClient = &counter{cmp.Or[aws.HTTPClient](cfg.HTTPClient, http.DefaultClient), &r.Requests}
	j.storage = s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	j.store = s3store.New(j.storage, j.bucket, j.prefix, nil)
	if dir := os.Getenv(folderEnv); dir != "" {
		j.store = dirstore.New(dir, nil)
	}
	if uri := os.Getenv(mongoEnv); uri != "" {
		if j.mongo, err = mongo.Connect(options.Client().ApplyURI(uri)); err != nil {
			return nil, err
		}
	}
	if j.identity, err = age.ParseX25519Identity(os.Getenv(identityEnv)); err != nil {
		return nil, err
	}
	j.sign, err = signing.ParseKey([]byte(os.Getenv(signingKeyEnv)), nil)
	return j, err
}

// counter counts the requests of a client.
type counter struct {
	client aws.HTTPClient
	n      *int64
}

// Do implements the client of the AWS SDK.
func (c *counter) Do(r *http.Request) (*http.Response, error) {
	atomic.AddInt64(c.n, 1)
	return c.client.Do(r)
}

func (j *job) keys() backup.Keys {
	return backup.Keys{
		Recipients: []age.Recipient{j.identity.Recipient()}, Identities: []age.Identity{j.identity}, Sign: j.sign,
	}
}

// ours does the work by package backup, as the command millweir does, with its budget and its setting of
// the garbage collector.
func (j *job) ours(ctx context.Context, r *result) (err error) {
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(50)
	}
	ctx = stream.WithBudget(ctx, stream.NewBudget(unitsAtOnce*unitMemory))
	r.Report, err = func() (report backup.Report, err error) {
		repo, err := backup.Open(ctx, j.store, j.keys())
		if errors.Is(err, backup.ErrNoRepository) {
			repo, err = backup.Init(ctx, j.store, j.keys(), nil)
		}
		if err != nil {
			return report, err
		}
		if os.Getenv(actionEnv) == "backup" {
			segment, _ := strconv.ParseInt(os.Getenv(segmentEnv), 10, 64)
			job, err := repo.Backup(ctx, j.mongo, &backup.Options{SegmentBytes: segment})
			if err != nil {
				return report, err
			}
			return backup.Run(ctx, job, unitsAtOnce)
		}
		view, err := repo.View(ctx, "")
		if err != nil {
			return report, err
		}
		if os.Getenv(actionEnv) == "verify" {
			return backup.Run(ctx, view.Verify(backup.Read, nil), unitsAtOnce)
		}
		return backup.Run(ctx, view.Restore(j.mongo, nil), unitsAtOnce)
	}()
	return err
}

// theirs does the work by the competent program: an object for each collection, one after the other.
func (j *job) theirs(ctx context.Context, _ *result) error {
	if os.Getenv(actionEnv) == "backup" {
		return j.eachCollection(ctx, func(c *mongo.Collection) error {
			return competent.Backup(ctx, c, j.storage, j.bucket, j.key(c), j.identity.Recipient())
		})
	}
	pages := s3.NewListObjectsV2Paginator(j.storage, &s3.ListObjectsV2Input{Bucket: &j.bucket, Prefix: &j.prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, o := range page.Contents {
			name := strings.TrimSuffix(strings.TrimPrefix(*o.Key, j.prefix+"/"), theirSuffix)
			database, coll, _ := strings.Cut(name, "/")
			to := j.mongo.Database(database).Collection(coll)
			if err := competent.Restore(ctx, j.storage, j.bucket, *o.Key, to, j.identity); err != nil {
				return fmt.Errorf("%s: %w", *o.Key, err)
			}
		}
	}
	return nil
}

const theirSuffix = ".jsonl.gz.age"

func (j *job) key(c *mongo.Collection) string {
	return j.prefix + "/" + c.Database().Name() + "/" + c.Name() + theirSuffix
}

func (j *job) eachCollection(ctx context.Context, f func(*mongo.Collection) error) error {
	databases, err := j.mongo.ListDatabaseNames(ctx, bson.D{})
	if err != nil {
		return err
	}
	for _, name := range databases {
		db := j.mongo.Database(name)
		collections, err := db.ListCollectionNames(ctx, bson.D{})
		if err != nil {
			return err
		}
		for _, coll := range collections {
			if err := f(db.Collection(coll)); err != nil {
				return fmt.Errorf("%s.%s: %w", name, coll, err)
			}
		}
	}
	return nil
}
