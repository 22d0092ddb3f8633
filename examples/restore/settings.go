package main

import (
	"errors"
	"time"

	"github.com/millweir/millweir/internal/cli"
)

var help = cli.Help{
	Synopsis: `restore restores the documents of a MongoDB collection that the command backup stored.

usage: restore -db NAME -collection NAME -bucket NAME -key KEY -identity FILE [flags]

  export MONGODB_URI='mongodb://user:password@db.example.com/'
  export AWS_ENDPOINT_URL_S3=https://s3.example.com AWS_PROFILE=backups
  restore -db shop -collection cookies -bucket backups -key cookies.jsonl.gz.age -identity key.txt

AWS credentials, region and endpoint come from the environment and ~/.aws, as for every AWS tool.`,
	Notes: `A new collection gets the indexes and options (validator, collation, capped, …) that the backup keeps in
KEY.metadata; a collection that exists and is not replaced keeps its own. A view and a time series are restored as a
collection of their documents. A warning names what is missing. A backup is not a snapshot.

A small object can hold very many documents, which would fill the database. If the object states how much the collection
had when the backup began, the defaults of -max-documents and -max-size are at most twice that plus the minimum.

Exit codes:
  0    all is restored
  1    it failed: the message says what is left of it
  2    the command line or the environment is wrong: nothing was done
  3    what the server did is not known: the message says what to look at
  4    the program has a defect (-debug shows where): the message says what is left of it
  129  stopped by SIGHUP; 130 by SIGINT, 143 by SIGTERM: the message says what is left of it`,
}

// settings holds the values of the flags.
type settings struct {
	mongo cli.Mongo
	s3    cli.S3

	identity    string // the name of a file
	drop, merge bool
	allowEmpty  bool
	batch       int
	parallelism int

	maxDocuments         int64    // 0: see defaultLimits
	maxSize              cli.Size // 0: see defaultLimits
	moveID               bool
	allowEmptyTimestamps bool
	documentsOnly        bool // no indexes and options
	bypassValidation     bool
	mongoRetry           time.Duration
}

func parse(p *cli.Program, args []string) (*settings, error) {
	s := new(settings)
	fs := p.Flags()
	s.mongo.Flags(fs)
	fs.DurationVar(&s.mongoRetry, "mongo-retry", time.Minute,
		"the `TIME` for which an insertion is repeated while MongoDB fails or is away; 0s: not at all")
	fs.BoolVar(&s.drop, "drop", false,
		"replace a collection that has documents, its indexes and options included; an empty one keeps them")
	fs.BoolVar(&s.merge, "merge", false,
		"add to a collection that has documents; equal ones are left alone, others with the same _id, or without "+
			"one, are an error")
	fs.BoolVar(&s.allowEmpty, "allow-empty", false, "with -drop: let a backup of nothing replace documents")
	fs.BoolVar(&s.documentsOnly, "documents-only", false, "restore without the indexes and options of the backup")
	fs.BoolVar(&s.bypassValidation, "bypass-validation", false,
		"insert documents that the validator of the collection refuses")
	s.s3.Flags(fs)
	fs.StringVar(&s.identity, "identity", "",
		"`FILE` of secret keys, one of which opens the backup (default: the backup is not encrypted)")
	fs.Group("Limits, and what a server would change")
	fs.Int64Var(&s.maxDocuments, "max-documents", 0,
		"`NUMBER` of documents that the backup may have (default: as many as it has bytes, 1,048,576 at least)")
	fs.Var(&s.maxSize, "max-size",
		"`SIZE` of the documents in BSON (default: 100 times the size of the object, 256MiB at least)")
	fs.BoolVar(&s.moveID, "move-id", false,
		"move an _id that is not the first field of its document there, as servers do, instead of refusing the "+
			"document")
	fs.BoolVar(&s.allowEmptyTimestamps, "allow-empty-timestamps", false,
		"insert documents with a top-level Timestamp(0, 0) even if the server replaces it by its time")
	fs.Group("Speed")
	fs.IntVar(&s.batch, "batch", 1000, "`NUMBER` of documents inserted together, 1 to 100000")
	fs.IntVar(&s.parallelism, "parallelism", 4, "`NUMBER` of batches sent at a time, 1 to 1000")
	if err := p.Parse(fs, args, help); err != nil {
		return nil, err
	}
	if err := cli.Require(fs, "db", "collection", "bucket", "key"); err != nil {
		return nil, err
	}
	if err := errors.Join(s.mongo.Check(), s.mongo.CheckTarget(), s.s3.CheckFlags()); err != nil {
		return nil, err
	}
	switch {
	case s.drop && s.merge:
		return nil, cli.Usagef("-drop and -merge contradict each other")
	case s.mongoRetry < 0:
		return nil, cli.Usagef("-mongo-retry %v is negative", s.mongoRetry)
	case s.maxDocuments < 0:
		return nil, cli.Usagef("-max-documents %d is negative", s.maxDocuments)
	case s.batch < 1 || s.batch > 100_000:
		return nil, cli.Usagef("-batch %d is not 1 to 100000", s.batch)
	case s.parallelism < 1 || s.parallelism > 1000:
		return nil, cli.Usagef("-parallelism %d is not 1 to 1000", s.parallelism)
	}
	return s, nil
}
