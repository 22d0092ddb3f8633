package main

import "github.com/millweir/millweir/examples/internal/cli"

const synopsis = `restore brings a collection back that the command backup stored.

usage: restore -db DATABASE -collection COLLECTION -bucket BUCKET -key KEY -identity FILE [flags]

The MongoDB URI comes from MONGODB_URI, -mongo-file or -mongo; AWS credentials, region and endpoint from the environment and ~/.aws.
`

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
	s.s3.Flags(fs)
	fs.StringVar(&s.identity, "identity", "", "`FILE` of secret keys, one of which opens the backup (default: the backup is not encrypted)")
	fs.BoolVar(&s.drop, "drop", false, "replace a collection that has documents, its indexes and options included; an empty one keeps them")
	fs.BoolVar(&s.merge, "merge", false, "add to a collection that has documents; equal ones are left alone, others with the same _id, or with none, are an error")
	fs.BoolVar(&s.allowEmpty, "allow-empty", false, "with -drop: let a backup of nothing replace documents")
	fs.IntVar(&s.batch, "batch", 1000, "`NUMBER` of documents inserted together, 1 to 100000")
	fs.IntVar(&s.parallelism, "parallelism", 4, "`NUMBER` of batches sent at a time")
	if err := p.Parse(fs, args, synopsis); err != nil {
		return nil, err
	}
	if err := cli.Require(fs, "db", "collection", "bucket", "key"); err != nil {
		return nil, err
	}
	switch {
	case s.drop && s.merge:
		return nil, cli.Usagef("-drop and -merge contradict each other")
	case s.batch < 1 || s.batch > 100_000:
		return nil, cli.Usagef("-batch %d is not 1 to 100000", s.batch)
	case s.parallelism < 1:
		return nil, cli.Usagef("-parallelism %d is not at least 1", s.parallelism)
	}
	return s, nil
}
