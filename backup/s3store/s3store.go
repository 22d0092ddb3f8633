// Package s3store keeps the objects of a backup repository in a bucket of Amazon S3 or a compatible
// service.
//
//	store := s3store.New(client, "backups", "shop", nil)
//	if err := store.Check(ctx); err != nil {
//		log.Fatal(err)
//	}
//
// The object a/b is shop/a/b in the bucket. Objects of others may lie in the same bucket, under
// other prefixes. Under the prefix of the store, it leaves those alone whose keys
// [backup.CheckKey] refuses.
//
// # Objects
//
// Put stores by [s3sink.Upload] with the condition that the key has no object, and returns nil only
// with proof that the object is stored. Get reads by [s3source.Download], which compares a whole
// object with its checksum. Both take the memory of their parts from the budget of the context
// ([stream.WithBudget]), if it has one.
//
// # Versions
//
// In a bucket with versions, Delete deletes all versions of an object and its delete markers. So
// what is deleted is gone. A service that has versions but cannot list them is refused.
//
// # Protection
//
// In a bucket with Object Lock, [backup.PutOptions].RetainUntil and [Store.Hold] protect an object
// until a time. The mode is [s3sink.Governance] unless Options say otherwise: whoever has the right
// s3:BypassGovernanceRetention can still delete. [s3sink.Compliance] binds everyone, including the
// owner of the account, until the time has passed.
//
// The page [operations] has the least rights that a writer, a reader and a pruner need.
//
// [operations]: https://github.com/millweir/millweir/blob/main/docs/operations.md
package s3store

import (
	"maps"
	"sync/atomic"
	"time"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source/s3source"
)

// Options tunes [New]. The zero value is ready to use.
type Options struct {
	// Upload applies to every Put: sizes of parts, encryption, storage class, checksum and so on. A
	// CustomerKey must be that of Download too.
	// The store itself sets IfAbsent, LockMode and LockUntil. Resume and KeepUpload cannot be set.
	Upload s3sink.UploadOptions

	// Download applies to every Get. The store itself sets Offset and Length. VersionID and IfMatch
	// cannot be set.
	Download s3source.DownloadOptions

	// LockMode says who may delete a protected object before its time. If it is set, Check demands
	// that the bucket has Object Lock. "" means [s3sink.Governance], if an object is protected.
	LockMode s3sink.LockMode

	// RetryTimeout is how long a request is repeated after transient failures, after the client's
	// own retries, unless Upload or Download says otherwise. 0 means 5 minutes; a negative time
	// means never.
	RetryTimeout time.Duration

	// OnRetry is called before each wait for another request, unless Upload or Download has its
	// own. Operations that run at once call it at once. nil means no call.
	OnRetry func(err error, wait time.Duration)
}

// New returns a store in the bucket, under a prefix of keys: "shop" and "shop/" are the same, and ""
// is the whole bucket. Two stores must not have prefixes of which one begins with the other.
//
// Settings are checked by every operation, before it sends a request.
func New(client API, bucket, prefix string, opts *Options) *Store {
	s := &Store{client: client, bucket: bucket, prefix: folder(prefix)}
	if opts != nil {
		s.opts = *opts
		s.opts.Upload.Metadata = maps.Clone(opts.Upload.Metadata)
	}
	s.invalid = s.checkSettings()
	s.takeCustomerKey()
	s.setDefaults()
	return s
}

// Store is a [backup.Store] in a bucket. [New] makes one.
type Store struct {
	client  API
	bucket  string
	prefix  string // of the keys in the bucket: "", or with a slash at its end
	opts    Options
	invalid error

	customerKey func() s3sink.CustomerKey // in place of those of opts

	locked atomic.Bool // the bucket is known to have Object Lock, which cannot be switched off
}

var _ interface {
	backup.Store
	backup.Checker
	backup.Holder
	backup.Sweeper
} = (*Store)(nil)
