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
	"github.com/millweir/millweir/internal/cli"
)

// storeFlags are the flags of the repository's store.
type storeFlags struct {
	retry time.Duration
}

func (s *storeFlags) bind(flags *pflag.FlagSet) {
	flags.DurationVar(&s.retry, "retry", 5*time.Minute,
		"the `TIME` for which a request to S3 is repeated while the service fails or is away")
}

// place is a store, what it needs before it becomes a repository, how to examine it, and how to explain
// its errors.
type place struct {
	store   backup.Store
	name    string
	create  func(context.Context) error
	examine func(context.Context) error
	explain func(error) error
	missing func() bool // the place itself does not exist, as far as that can be known
}

// makeDirectory makes a directory that does not exist. Its parent must exist: a disk that is not
// mounted is not replaced by a directory.
func makeDirectory(name string) error {
	const onlyOwner = 0o700
	if err := os.Mkdir(name, onlyOwner); err != nil && !errors.Is(err, fs.ErrExist) {
		return cli.Errorf("%w", err)
	}
	return nil
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
		create:  func(context.Context) error { return makeDirectory(location) },
		examine: func(context.Context) error { return nil },
		explain: func(err error) error { return err },
		missing: func() bool {
			_, err := os.Stat(location)
			return errors.Is(err, fs.ErrNotExist)
		},
	}, nil
}

func (a *app) s3(ctx context.Context, rest string, opts *storeFlags) (place, error) {
	bucket, prefix, _ := strings.Cut(rest, "/")
	access := &cli.S3{Bucket: bucket, Key: prefix}
	access.SetRetry(opts.retry)
	if bucket == "" {
		return place{}, cli.Usagef("s3:// has no bucket: want s3://BUCKET/PREFIX")
	}
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
		&s3store.Options{RetryTimeout: access.RetryTimeout()})
	return place{
		store:   store,
		name:    "s3://" + rest,
		create:  store.Check, // a bucket is made by its owner
		examine: store.Check,
		explain: access.Explain,
		missing: func() bool { return false },
	}, nil
}
