package main

import (
	"errors"

	"github.com/millweir/millweir/examples/internal/cli"
)

var help = cli.Help{
	Synopsis: `restore brings the documents back that the command backup stored.

usage: restore -db NAME -collection NAME -bucket NAME -key KEY -identity FILE [flags]

  export MONGODB_URI='mongodb://user:password@db.example.com/'
  export AWS_ENDPOINT_URL_S3=https://s3.example.com AWS_PROFILE=backups
  restore -db shop -collection cookies -bucket backups -key cookies.jsonl.gz.age -identity key.txt

AWS credentials, region and endpoint come from the environment and ~/.aws, as for every AWS tool.`,
	Notes: `A backup has no indexes and no options (validator, collation, capped, time series, …) of its collection: create them
by hand. -drop replaces a collection that has documents, and its indexes and options are gone with it; an empty
collection keeps them. A warning names what is missing. A backup is no snapshot.

Exit codes:
  0    all is restored
  1    it failed: the message says what is left of it
  2    the command line or the environment is wrong: nothing was done
  3    what the server did is not known: the message says what to look at
  4    the program has a defect (-debug shows where): the message says what is left of it
  129  stopped by SIGHUP; 130 by SIGINT, 143 by SIGTERM: the message says what is left of it`,
}

// settings is what the command line asks for.
type settings struct {
	mongo cli.Mongo
	s3    cli.S3

	identity    string // file
	drop, merge bool
	allowEmpty  bool
	batch       int
	parallelism int
}

func parse(p *cli.Program, args []string) (*settings, error) {
	s := new(settings)
	fs := p.Flags()
	s.mongo.Flags(fs)
	fs.BoolVar(&s.drop, "drop", false, "replace a collection that has documents, its indexes and options included; an empty one keeps them")
	fs.BoolVar(&s.merge, "merge", false, "add to a collection that has documents; equal ones are left alone, others with the same _id, or with none, are an error")
	fs.BoolVar(&s.allowEmpty, "allow-empty", false, "with -drop: let a backup of nothing replace documents")
	s.s3.Flags(fs)
	fs.StringVar(&s.identity, "identity", "", "`FILE` of secret keys, one of which opens the backup (default: the backup is not encrypted)")
	fs.Group("Speed")
	fs.IntVar(&s.batch, "batch", 1000, "`NUMBER` of documents inserted together, 1 to 100000")
	fs.IntVar(&s.parallelism, "parallelism", 4, "`NUMBER` of batches sent at a time, 1 to 1000")
	if err := p.Parse(fs, args, help); err != nil {
		return nil, err
	}
	if err := cli.Require(fs, "db", "collection", "bucket", "key"); err != nil {
		return nil, err
	}
	if err := errors.Join(s.mongo.Check(), s.s3.CheckKey()); err != nil {
		return nil, err
	}
	switch {
	case s.drop && s.merge:
		return nil, cli.Usagef("-drop and -merge contradict each other")
	case s.batch < 1 || s.batch > 100_000:
		return nil, cli.Usagef("-batch %d is not 1 to 100000", s.batch)
	case s.parallelism < 1 || s.parallelism > 1000:
		return nil, cli.Usagef("-parallelism %d is not 1 to 1000", s.parallelism)
	}
	return s, nil
}
