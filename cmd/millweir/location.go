package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/dirstore"
	"github.com/millweir/millweir/backup/s3store"
	"github.com/millweir/millweir/cmd/millweir/internal/cli"
	"github.com/millweir/millweir/sink/s3sink"
)

// storeFlags are the flags of the repository's store.
type storeFlags struct {
	retry time.Duration
}

func (s *storeFlags) bind(flags *pflag.FlagSet) {
	s.retry = 5 * time.Minute
	flags.Var((*timeFlag)(&s.retry), "retry",
		"the `TIME` for which a request to S3 is repeated while the service fails or is away")
}

// place is a store, with the functions that prepare it for a repository and explain its errors.
type place struct {
	store   backup.Store
	name    string
	create  func() (undo func(), err error)
	explain func(error) error
	missing func() bool // the place itself does not exist, as far as that can be known
	inS3    string      // BUCKET/PREFIX; "" for a directory
}

// is reports whether both places are the same: a directory, also if it has two names, or a prefix.
func (p place) is(other place) bool {
	if p.inS3 != "" || other.inS3 != "" {
		return p.inS3 == other.inS3
	}
	first, err := os.Stat(p.name)
	second, otherErr := os.Stat(other.name)
	return err == nil && otherErr == nil && os.SameFile(first, second)
}

// makeDirectory makes a directory that does not exist. Its parent must exist: a disk that is not
// mounted is not replaced by a directory. undo removes a directory that it has made, if it is
// empty.
func makeDirectory(name string) (undo func(), _ error) {
	const onlyOwner = 0o700
	switch err := os.Mkdir(name, onlyOwner); {
	case errors.Is(err, fs.ErrExist):
		return func() {}, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, cli.Errorf("the directory above %s does not exist: make it, mount its disk, or correct the name "+
			"(%w)", name, err)
	case err != nil:
		return nil, cli.Errorf("%w", err)
	}
	return func() { _ = os.Remove(name) }, nil
}

// explainS3 adds to an error of S3 what to do about it, in the words of this program.
func explainS3(access *cli.S3, err error) error {
	var lacks *s3store.RightError
	switch {
	case errors.As(err, &lacks):
		return cli.Errorf("%s: the user of the AWS credentials lacks the right %s: grant it, or use another user (%w)",
			access.URL(), lacks.Right, err)
	case errors.Is(err, s3sink.ErrIgnoresIfNoneMatch):
		return cli.Errorf("%s: the service has no conditional writes, so that two backups could overwrite each other: "+
			"choose another service, or a directory (%w)", access.URL(), err)
	}
	return access.Explain(err)
}

// store opens the store at a location: a directory, or s3://BUCKET/PREFIX.
func (a *app) store(ctx context.Context, location string, opts *storeFlags) (place, error) {
	rest, isS3 := strings.CutPrefix(location, "s3://")
	switch {
	case isS3:
		return a.s3(ctx, rest, opts)
	case strings.Contains(location, "://"):
		return place{}, cli.Usagef("the repository is neither a directory nor s3://BUCKET/PREFIX")
	}
	return place{
		store:   dirstore.New(location, nil),
		name:    location,
		create:  func() (func(), error) { return makeDirectory(location) },
		explain: func(err error) error { return err },
		missing: func() bool {
			_, err := os.Stat(location)
			return errors.Is(err, fs.ErrNotExist)
		},
	}, nil
}

func (a *app) s3(ctx context.Context, rest string, opts *storeFlags) (place, error) {
	bucket, prefix, _ := strings.Cut(rest, "/")
	access := &cli.S3{Bucket: bucket, Prefix: prefix, Retry: opts.retry}
	if err := access.CheckFlags(); err != nil {
		return place{}, err
	}
	client, err := access.Connect(ctx, a.program)
	if err != nil {
		return place{}, err
	}
	stop := access.Waiting("the bucket")
	err = access.Check(ctx, client)
	stop()
	if err != nil {
		return place{}, err
	}
	store := s3store.New(client, bucket, strings.Trim(prefix, "/"),
		&s3store.Options{RetryTimeout: access.RetryTimeout(), OnRetry: a.retries.note})
	return place{
		store:   store,
		name:    "s3://" + rest,
		create:  func() (func(), error) { return func() {}, nil }, // a bucket is made by its owner
		explain: func(err error) error { return explainS3(access, err) },
		missing: func() bool { return false },
		inS3:    bucket + "/" + strings.Trim(prefix, "/"),
	}, nil
}
