package s3store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/internal/unfinished"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// Examine implements [backup.Examiner]. It reports each property that [Store.Check] proves, and
// then whether the user may delete, whether the bucket has versions and Object Lock, and the
// unfinished uploads.
//
// To find out whether it may delete, it deletes an object that does not exist: "data/.probe" after
// the prefix.
func (s *Store) Examine(ctx context.Context, found func(backup.Finding)) error {
	if s.invalid != nil {
		found(backup.Finding{Name: "settings", Err: s.invalid})
		return nil
	}
	before := time.Now()
	served, err := s.checkBucket(ctx)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		found(backup.Finding{Name: "bucket", Err: err})
		return nil
	}
	found(examineClock(before, served))
	for _, property := range []struct {
		name    string
		examine func(context.Context) (string, error)
	}{
		{"list", proved("objects can be listed, in the order of their keys", s.checkList)},
		{"put", proved("an object was stored, the service refuses to replace it, and it was read and listed at once",
			s.checkPut)},
		{"delete", s.examineDelete},
		{"versions", s.examineVersions},
		{"object lock", s.examineLock},
		{"uploads", s.examineUploads},
	} {
		text, err := property.examine(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		found(backup.Finding{Name: property.name, Text: text, Err: err})
	}
	return nil
}

// proved returns the text if the check has no error.
func proved(text string, check func(context.Context) error) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) { return text, check(ctx) }
}

func examineClock(before, served time.Time) backup.Finding {
	f := backup.Finding{Name: "clock", Err: checkClock(before, served)}
	switch skew := before.Sub(served).Abs(); {
	case served.IsZero():
		f.Text = "the service does not tell its time"
	case skew <= 2*time.Second: // a date has whole seconds
		f.Text = "it agrees with that of the service"
	default:
		f.Text = fmt.Sprintf("it differs from that of the service by %v", skew.Round(time.Second))
	}
	return f
}

// examineDelete finds out whether the user may delete. A writer should not have that right.
func (s *Store) examineDelete(ctx context.Context) (string, error) {
	id := s3sink.ObjectID{Key: s.prefix + "data/" + probeKey}
	versions, err := s.versioned(ctx)
	if err == nil && versions {
		id.VersionID = "null" // without it, a delete marker would be made
	}
	if err == nil {
		_, err = stream.Run(ctx, source.Of(id), s3sink.Delete(s.client, s.bucket, &s3sink.DeleteOptions{
			RetryTimeout: s.opts.RetryTimeout, OnRetry: s.opts.OnRetry,
		}))
	}
	right := "s3:DeleteObject"
	if versions {
		right = "s3:DeleteObjectVersion"
	}
	var missing *RightError
	switch err = needs(err, right); {
	case errors.As(err, &missing):
		return "this user may not delete (" + missing.Right + "), which is right for one that makes backups; " +
			"one that prunes and sweeps must", nil
	case err != nil:
		return "", err
	}
	return "this user may delete, which one that only makes backups need not", nil
}

func (s *Store) examineVersions(ctx context.Context) (string, error) {
	out, err := s.bucketVersioning(ctx)
	switch missing := new(RightError); {
	case errors.As(err, &missing):
		return "not known without the right " + missing.Right + ", which only prune and sweep need", nil
	case err != nil:
		return "", err
	case out == "":
		return "the bucket keeps no older versions of objects", nil
	}
	return "the bucket has versions (" + out + "); what is deleted is deleted in all versions", nil
}

func (s *Store) examineLock(ctx context.Context) (string, error) {
	err := s.hasLock(ctx)
	switch missing := new(RightError); {
	case errors.As(err, &missing) && s.opts.LockMode == "":
		return "not known without the right " + missing.Right + ", which only protected backups need", nil
	case errors.Is(err, backup.ErrNoHold) && s.opts.LockMode == "":
		return "the bucket has none: backups cannot be protected from deletion", nil
	}
	return "the bucket has it: backups can be protected from deletion", err
}

func (s *Store) examineUploads(ctx context.Context) (string, error) {
	text, err := unfinished.Examine(ctx, s)
	if missing := new(RightError); errors.As(needs(err, "s3:ListBucketMultipartUploads"), &missing) {
		return "not known without the right " + missing.Right + ", which only sweep needs", nil
	}
	return text, err
}

var _ backup.Examiner = (*Store)(nil)
