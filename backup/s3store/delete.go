package s3store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// ErrVersions reports a bucket with versions whose service does not name them, so that a deleted
// object would come back.
var ErrVersions = stream.Mark(errors.New("the service does not name the versions of an object"), stream.Fatal)

// Delete implements [backup.Store] by [s3sink.Delete]. In a bucket with versions it lists and
// deletes all versions of each object.
func (s *Store) Delete() stream.Sink[string, int64] {
	return stream.SinkFunc[string, int64](func(ctx context.Context, src stream.Source[string]) (int64, error) {
		if s.invalid != nil {
			return 0, s.invalid
		}
		d := &deletion{store: s, keys: src}
		_, err := s3sink.Delete(s.client, s.bucket, &s3sink.DeleteOptions{
			OnError:      func(id s3sink.ObjectID, err error) error { return s.refused(ctx, id, err) },
			RetryTimeout: s.opts.RetryTimeout, OnRetry: s.opts.OnRetry,
		}).Consume(ctx, stream.SourceFunc[s3sink.ObjectID](d.each))
		return d.given, err
	})
}

// deletion is one run of a Delete.
type deletion struct {
	store *Store
	keys  stream.Source[string]
	given int64 // number of keys
}

// each emits what must be deleted.
func (d *deletion) each(ctx context.Context, emit func(s3sink.ObjectID) error) error {
	versioned := false
	return d.keys.Each(ctx, func(key string) (err error) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := backup.CheckKey(key); err != nil {
			return err
		}
		if d.given == 0 {
			if versioned, err = d.store.versioned(ctx); err != nil {
				return err
			}
		}
		d.given++
		if !versioned {
			return emit(s3sink.ObjectID{Key: d.store.prefix + key})
		}
		return d.store.eachVersion(ctx, d.store.prefix+key, emit)
	})
}

// versioned reports whether the bucket has, or had, versions.
func (s *Store) versioned(ctx context.Context) (bool, error) {
	status, err := s.bucketVersioning(ctx)
	return status != "", err
}

// bucketVersioning returns the state of versioning, or "" if the bucket never had versions.
func (s *Store) bucketVersioning(ctx context.Context) (string, error) {
	out, err := request(ctx, s, "versioning", func(ctx context.Context, opts ...func(*s3.Options)) (
		*s3.GetBucketVersioningOutput, error,
	) {
		return s.client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &s.bucket},
			append(opts, wantRoot("VersioningConfiguration"))...)
	})
	switch status := s3fault.Status(err); {
	case err == nil:
		return string(out.Status), nil
	case status == http.StatusNotImplemented, status == http.StatusMethodNotAllowed,
		s3fault.Code(err) == "NotImplemented": // the service has no versions
		return "", nil
	case status == http.StatusNotFound:
		err = s.noBucket(err)
	}
	return "", needs(err, "s3:GetBucketVersioning")
}

// versionPage is the number of versions in a request. Nearly every object has one.
const versionPage = 10

// errOtherKey ends the list of the versions of one object.
var errOtherKey = errors.New("the versions of another key")

// eachVersion emits the versions and delete markers of the object at key, a key in the bucket.
func (s *Store) eachVersion(ctx context.Context, key string, emit func(s3sink.ObjectID) error) error {
	all := s3source.ListVersions(s.client, s.bucket, key, &s3source.ListOptions{
		PageSize: versionPage, RetryTimeout: s.opts.RetryTimeout, OnRetry: s.opts.OnRetry,
	})
	err := all.Each(stream.WithoutDrain(ctx), func(e s3source.Entry) error {
		switch {
		case e.Key != key: // key is the first of the keys that begin with it
			return errOtherKey
		case e.VersionID == "":
			return failed("delete", strings.TrimPrefix(key, s.prefix), ErrVersions)
		}
		return emit(s3sink.ObjectID{Key: key, VersionID: e.VersionID})
	})
	if errors.Is(err, errOtherKey) {
		return nil
	}
	return err
}

// refused returns why the service refuses to delete an object: it may be protected.
func (s *Store) refused(ctx context.Context, id s3sink.ObjectID, err error) error {
	if stream.ClassOf(err) != stream.Fatal {
		return err
	}
	key := strings.TrimPrefix(id.Key, s.prefix)
	object, e := s.headVersion(ctx, key, id.VersionID)
	switch {
	case e != nil:
		return err
	case object.LegalHold:
		return failed("delete", key, fmt.Errorf("%w by a legal hold", backup.ErrHeld))
	case object.LockUntil.After(time.Now()):
		return failed("delete", key, fmt.Errorf("%w until %s", backup.ErrHeld,
			object.LockUntil.UTC().Format(time.RFC3339)))
	}
	return err
}
