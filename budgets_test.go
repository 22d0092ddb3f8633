package millweir_test

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"testing"

	"filippo.io/age"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// goroutines are the options Parallelism of the stages of a pipeline.
type goroutines struct{ extJSON, gzip, transfer, insert int }

// pipelines are a backup and a restore between servers in this process.
type pipelines struct {
	database *mongotest.Server
	storage  *s3test.Server
	db       *mongo.Database
	client   *s3.Client
	key      *age.X25519Identity
	restores int
}

func newPipelines(t *testing.T) *pipelines {
	t.Helper()
	p := &pipelines{database: mongotest.NewServer(), storage: s3test.New(nil)}
	t.Cleanup(p.database.Close)
	t.Cleanup(p.storage.Close)
	driver, err := mongo.Connect(options.Client().ApplyURI(p.database.URI()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = driver.Disconnect(context.WithoutCancel(t.Context())) })
	for i := range 100 {
		doc, err := bson.Marshal(bson.D{{Key: "_id", Value: i}, {Key: "text", Value: "a document"}})
		if err != nil {
			t.Fatal(err)
		}
		p.database.Add("shop", "source", doc)
	}
	p.db = driver.Database("shop")
	p.storage.CreateBucket("backups")
	p.client = s3.New(s3.Options{
		BaseEndpoint: &p.storage.URL, Region: "us-east-1", UsePathStyle: true, Credentials: aws.AnonymousCredentials{},
	})
	if p.key, err = age.GenerateX25519Identity(); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *pipelines) backup(ctx context.Context, n goroutines) error {
	body := stream.Via3(mongosource.Find(p.db.Collection("source"), bson.D{}, nil),
		bsoncodec.ExtJSON(&bsoncodec.ExtJSONOptions{Parallelism: n.extJSON}),
		codec.Gzip(&codec.GzipOptions{Parallelism: n.gzip}),
		agecodec.Encrypt(p.key.Recipient()))
	_, err := stream.Run(ctx, body, s3sink.Upload(p.client, "backups", "documents",
		&s3sink.UploadOptions{Parallelism: n.transfer}))
	return err
}

func (p *pipelines) restore(ctx context.Context, n goroutines) error {
	documents := stream.Via3(
		s3source.Download(p.client, "backups", "documents", &s3source.DownloadOptions{Parallelism: n.transfer}),
		agecodec.Decrypt(p.key),
		codec.Gunzip(&codec.GunzipOptions{Parallelism: n.gzip}),
		bsoncodec.ParseExtJSON(&bsoncodec.ParseExtJSONOptions{Parallelism: n.extJSON}))
	p.restores++
	target := p.db.Collection(fmt.Sprint("target", p.restores))
	_, err := stream.Run(ctx, documents, mongosink.Insert(target, &mongosink.InsertOptions{Parallelism: n.insert}))
	return err
}

// requests returns how many requests the servers have received.
func (p *pipelines) requests() int { return len(p.database.Commands()) + len(p.storage.Requests()) }

// smallestBudget matches the budget that an error recommends.
var smallestBudget = regexp.MustCompile(`the smallest that works for this run is (\d+) bytes`)

// TestBudgetTooSmallForAPipeline runs backups and restores with too small a budget. One error comes
// before the first request, and names the smallest budget that works. The run succeeds with it, and
// fails with a byte less.
func TestBudgetTooSmallForAPipeline(t *testing.T) {
	p := newPipelines(t)
	for _, tt := range []struct {
		name     string
		run      func(context.Context, goroutines) error
		parallel int // goroutines of the context; 0 means none
		options  goroutines
	}{
		{"backup", p.backup, 0, goroutines{}},
		{"backup on all cores", p.backup, 8, goroutines{}},
		{"backup, two writers of JSON", p.backup, 0, goroutines{extJSON: 2}},
		{"backup, 64 compressors", p.backup, 0, goroutines{gzip: 64}},
		{"backup, 16 senders", p.backup, 0, goroutines{transfer: 16}},
		{"backup, all options", p.backup, 0, goroutines{extJSON: 3, gzip: 4, transfer: 5}},
		{"restore", p.restore, 0, goroutines{}},
		{"restore on all cores", p.restore, 8, goroutines{}},
		{"restore, 4 ranges", p.restore, 0, goroutines{transfer: 4}},
		{"restore, 64 decompressors", p.restore, 0, goroutines{gzip: 64}},
		{"restore, 64 parsers", p.restore, 0, goroutines{extJSON: 64}},
		{"restore, 16 batches", p.restore, 0, goroutines{insert: 16}},
		{"restore, all options", p.restore, 0, goroutines{extJSON: 3, gzip: 4, transfer: 5, insert: 2}},
	} {
		run := func(bytes int64) error {
			b := stream.NewBudget(bytes)
			ctx := stream.WithBudget(t.Context(), b)
			if tt.parallel > 0 {
				ctx = stream.WithParallelism(ctx, tt.parallel)
			}
			err := tt.run(ctx, tt.options)
			if b.Used() != 0 {
				t.Errorf("%s: %d bytes are held after the run", tt.name, b.Used())
			}
			return err
		}
		before := p.requests()
		err := run(1)
		if err == nil {
			t.Errorf("%s: no error with a budget of one byte", tt.name)
			continue
		}
		found := smallestBudget.FindStringSubmatch(err.Error())
		if found == nil || stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%s: the error names no budget: %v", tt.name, err)
			continue
		}
		least, err := strconv.ParseInt(found[1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d bytes", tt.name, least)
		if err := run(least - 1); stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%s: a byte less than %d: %v", tt.name, least, err)
		}
		if n := p.requests() - before; n > 0 {
			t.Errorf("%s: %d requests before the error", tt.name, n)
		}
		if err := run(least); err != nil {
			t.Errorf("%s: with the budget that the error names: %v", tt.name, err)
		}
	}
}
