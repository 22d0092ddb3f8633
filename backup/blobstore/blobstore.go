// Package blobstore keeps the objects of a backup repository in any bucket of
// [gocloud.dev/blob]: Google Cloud Storage, Azure Blob Storage and others.
//
//	bucket, err := blob.OpenBucket(ctx, "azblob://backups")
//	store := blobstore.New(blob.PrefixedBucket(bucket, "shop/"), nil)
//
// Import the driver of the service, such as gocloud.dev/blob/azureblob or gocloud.dev/blob/gcsblob.
// For Amazon S3 and compatible services use package s3store of the library instead: it proves more,
// repeats requests, and protects objects.
//
// # Outcomes
//
// A Put writes with the condition that the key has no object, and with a random token in the
// metadata. If it fails, or the service says that there is an object, the token of the object at
// the key shows whether it is this one. That there is none is believed only if a list shows none. An
// error that leaves it open has the class UnknownOutcome. Requests are repeated only by the driver.
//
// # Limits
//
// Versions, soft deletion and retention are set on the bucket itself, and a deleted object is gone
// only as far as they allow: with them, shredded keys can come back. The store cannot protect an
// object: [backup.PutOptions].RetainUntil is [backup.ErrNoHold]. What killed writers leave, Google
// and Azure remove after a week.
package blobstore

import (
	"errors"
	"fmt"
	"maps"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/stream"
)

// Options tunes [New]. The zero value is ready to use.
type Options struct {
	// Writer applies to every Put: the size of the buffer, BeforeWrite for the settings of a
	// service, and so on. The store itself sets IfNotExist. ContentMD5 cannot be set. By default
	// ContentType is application/octet-stream.
	Writer blob.WriterOptions
}

// New returns a store in the bucket. The caller closes the bucket after the last operation.
//
// Settings are checked by every operation, before it sends a request.
func New(bucket *blob.Bucket, opts *Options) *Store {
	s := &Store{bucket: bucket}
	if opts != nil {
		s.writer = opts.Writer
		s.writer.Metadata = maps.Clone(opts.Writer.Metadata)
	}
	switch {
	case bucket == nil:
		s.invalid = invalid("the bucket is nil")
	case len(s.writer.ContentMD5) > 0:
		s.invalid = invalid("Writer has ContentMD5, which belongs to one object")
	}
	if s.writer.ContentType == "" {
		s.writer.ContentType = "application/octet-stream"
	}
	s.writer.IfNotExist = true
	return s
}

// Store is a [backup.Store] in a bucket. [New] makes one.
type Store struct {
	bucket  *blob.Bucket
	writer  blob.WriterOptions
	invalid error
}

var _ backup.Store = (*Store)(nil)

// check returns an error if a setting is wrong or no object can have the key.
func (s *Store) check(key string) error {
	if s.invalid != nil {
		return s.invalid
	}
	return backup.CheckKey(key)
}

// invalid returns the fatal error of a wrong setting.
func invalid(text string) error { return stream.Mark(errors.New("blobstore: "+text), stream.Fatal) }

// failed returns err with the operation, the key and a class. It returns nil if err is nil.
func failed(operation, key string, err error) error {
	if err == nil {
		return nil
	}
	if stream.ClassOf(err) == stream.Unclassified {
		err = stream.Mark(err, classOf(err))
	}
	return fmt.Errorf("blobstore: %s %s: %w", operation, key, err)
}

// classOf returns the class of an error of the bucket, for a request that has certainly failed or
// may be repeated. Drivers have no code for a service that is busy, and for most other failures.
func classOf(err error) stream.Class {
	switch code := gcerrors.Code(err); {
	case code == gcerrors.ResourceExhausted:
		return stream.Throttled
	case code == gcerrors.NotFound, code == gcerrors.FailedPrecondition, refused(err):
		return stream.Fatal
	}
	return stream.Retryable
}

// refused reports whether the service answered that it does not do this. NotFound is none of these
// answers: Azure's driver returns it for a host without an address, and Google's for a missing
// right.
func refused(err error) bool {
	switch gcerrors.Code(err) {
	case gcerrors.InvalidArgument, gcerrors.PermissionDenied, gcerrors.Unimplemented:
		return true
	}
	return false
}
