package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/cli"
)

var help = cli.Help{
	Synopsis: `backup stores the documents of a MongoDB collection as one compressed and encrypted S3 object.

usage: backup -db NAME -collection NAME -bucket NAME -key KEY -recipient age1… [flags]

  export MONGODB_URI='mongodb://user:password@db.example.com/'
  export AWS_ENDPOINT_URL_S3=https://s3.example.com AWS_PROFILE=backups
  backup -db shop -collection cookies -bucket backups -key cookies.jsonl.gz.age -recipient age1…

AWS credentials, region and endpoint come from the environment and ~/.aws, as for every AWS tool.`,
	Notes: `The collection's indexes and options (validator, collation, capped, …) are stored in a second object,
KEY.metadata, if there are any. A backup is not a snapshot: it may have some of the writes that happen while it runs, and
not others. A view and a time series are stored as the documents that they show.

Exit codes:
  0    all is stored
  1    it failed: nothing is stored, unless the message says that the documents are
  2    the command line or the environment is wrong: nothing is stored
  3    whether it is stored is not known: look at the object before you trust it
  4    the program has a defect (-debug shows where): look at the object before you trust it
  129  stopped by SIGHUP; 130 by SIGINT, 143 by SIGTERM: nothing is stored`,
}

// settings holds the values of the flags.
type settings struct {
	mongo      cli.Mongo
	s3         cli.S3
	recipients cli.Recipients

	filter      cli.Filter
	json        string // canonical or relaxed
	gzipLevel   int
	partSize    cli.Size
	parallelism int
	sse         sse
	ifAbsent    bool
	allowEmpty  bool
	mongoRetry  time.Duration
}

func parse(p *cli.Program, args []string) (*settings, error) {
	s := &settings{partSize: 8 << 20, filter: cli.Filter{D: bson.D{}}}
	fs := p.Flags()
	s.mongo.Flags(fs)
	fs.DurationVar(&s.mongoRetry, "mongo-retry", time.Minute,
		"the `TIME` for which the reading is continued while MongoDB fails or is away; 0s: not at all")
	fs.Var(&s.filter, "filter", "`FILTER` in Extended JSON: only the documents that match are stored (default: all)")
	fs.BoolVar(&s.allowEmpty, "allow-empty", false, "store a backup of nothing if there is no document")
	s.s3.Flags(fs)
	fs.BoolVar(&s.ifAbsent, "if-absent", false,
		"refuse to replace an object that has the key, or KEY.metadata, already")
	fs.Var(&s.sse, "sse", "server-side `ENCRYPTION`: AES256, aws:kms or aws:kms:KEY (default: the bucket's)")
	s.recipients.Flags(fs)
	fs.Group("Format and speed")
	fs.StringVar(&s.json, "json", "canonical",
		"`FORM` of Extended JSON: canonical keeps every type, relaxed reads more easily")
	fs.IntVar(&s.gzipLevel, "gzip-level", 6, "compression `LEVEL`, 1 (fastest) to 9 (smallest)")
	fs.Var(&s.partSize, "part-size", "`SIZE` of a part of the upload, 5MiB to 5GiB")
	fs.IntVar(&s.parallelism, "parallelism", 4,
		"`NUMBER` of parts sent at a time; memory is about (NUMBER+1) × part size")
	if err := p.Parse(fs, args, help); err != nil {
		return nil, err
	}
	if err := cli.Require(fs, "db", "collection", "bucket", "key"); err != nil {
		return nil, err
	}
	if err := errors.Join(s.mongo.Check(), s.s3.CheckFlags()); err != nil {
		return nil, err
	}
	switch {
	case s.mongoRetry < 0:
		return nil, cli.Usagef("-mongo-retry %v is negative", s.mongoRetry)
	case s.json != "canonical" && s.json != "relaxed":
		return nil, cli.Usagef("-json %q is neither canonical nor relaxed", s.json)
	case s.gzipLevel < 1 || s.gzipLevel > 9:
		return nil, cli.Usagef("-gzip-level %d is not 1 to 9", s.gzipLevel)
	case s.partSize < 5<<20 || s.partSize > 5<<30:
		return nil, cli.Usagef("-part-size %v is not 5MiB to 5GiB", &s.partSize)
	case s.parallelism < 1 || s.parallelism > 10_000:
		return nil, cli.Usagef("-parallelism %d is not 1 to 10000", s.parallelism)
	}
	return s, nil
}

// sse is the value of -sse.
type sse struct{ mode, key string }

// String implements flag.Value.
func (e *sse) String() string {
	if e.key != "" {
		return e.mode + ":" + e.key
	}
	return e.mode
}

// Set implements flag.Value.
func (e *sse) Set(text string) error {
	switch key, kms := strings.CutPrefix(text, "aws:kms:"); {
	case text == "AES256", text == "aws:kms":
		e.mode, e.key = text, ""
	case kms && key != "":
		e.mode, e.key = "aws:kms", key
	default:
		return errors.New("want AES256, aws:kms or aws:kms:KEY")
	}
	return nil
}

// estimateDocuments returns about how many documents the backup will read; 0 if the server cannot
// say.
func (s *settings) estimateDocuments(ctx context.Context, coll *mongo.Collection) int64 {
	if len(s.filter.D) > 0 {
		return 0
	}
	var n int64
	err := s.mongo.Ask(ctx, "the number of documents", func(ctx context.Context) (err error) {
		n, err = coll.EstimatedDocumentCount(ctx)
		return err
	})
	if err != nil {
		return 0 // only the progress needs it; the backup reports the error
	}
	return n
}

// explainEmpty returns an error that says why there was no document.
func (s *settings) explainEmpty(ctx context.Context, coll *mongo.Collection) error {
	var names []string
	err := s.mongo.Ask(ctx, "the names of collections", func(ctx context.Context) (err error) {
		names, err = coll.Database().ListCollectionNames(ctx, bson.D{{Key: "name", Value: s.mongo.Collection}})
		return err
	})
	switch {
	case err == nil && len(names) == 0:
		return cli.Errorf("there is no collection %s: correct -db or -collection", s.mongo.Namespace())
	case len(s.filter.D) > 0:
		return cli.Errorf("no document of %s matches -filter", s.mongo.Namespace())
	}
	return cli.Errorf("collection %s is empty", s.mongo.Namespace())
}
