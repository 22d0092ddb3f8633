package backup

import (
	"context"
	"crypto/sha256"
	"errors"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// grace is how long data without a backup is kept, because a run may still name it.
const grace = 7 * 24 * time.Hour

// SweepRepositoryOptions tunes [Repository.Sweep]. The zero value is ready to use.
type SweepRepositoryOptions struct {
	// DryRun deletes nothing.
	DryRun bool

	// WithoutBackups allows a sweep of a store that has no backup, not even a deleted one, as after
	// a copy or a first backup that was killed. Otherwise the error is [ErrNoBackups] if data would
	// be deleted: a disk that is not mounted looks the same.
	WithoutBackups bool

	// OnObject is called for each object that was, or would be, deleted. It may be nil.
	OnObject func(Object)

	Progress func(Event) // gets the events: see [Options]
}

// Swept counts what a sweep deleted, or with a dry run would delete.
type Swept struct {
	Objects    int64 `json:"objects"`
	Bytes      int64 `json:"bytes"`
	Unfinished int64 `json:"unfinished"` // objects that killed processes had begun
}

// ErrNoBackups means that a sweep would delete data, and that the store has no backup, not even a
// deleted one: it may not show all of its objects.
var ErrNoBackups = fatal("there is data, and no backup, not even a deleted one: see that the store shows all of its " +
	"objects, and only then sweep without backups")

// Sweep deletes what no backup needs: the data of deleted backups, and what runs that failed or were
// killed have left. It needs no identity and holds no lock.
//
//   - Kept: everything that a backup names, everything of a run that began less than 7 days ago or that
//     was stored less than 7 days ago, and everything that a deleted backup named, until 7 days after
//     its deletion.
//   - Memory: about 50 bytes for each object that a backup names.
//   - Errors: a damaged manifest or list, and [ErrNoBackups], end the sweep before the first
//     deletion. [ErrHeld] if an object is protected. After an error, what was deleted needs no
//     repair: sweep again.
func (r *Repository) Sweep(ctx context.Context, opts *SweepRepositoryOptions) (Swept, error) {
	s := &sweep{repo: r, now: r.now(), named: map[objectID]struct{}{}, backups: map[string]bool{}}
	if opts != nil {
		s.opts = *opts
	}
	s.progress = newProgress(s.opts.Progress, "sweep", "")
	if err := s.run(ctx); err != nil {
		return s.swept, failed("sweep", err)
	}
	return s.swept, nil
}

// sweep is one run of [Repository.Sweep].
type sweep struct {
	repo *Repository
	opts SweepRepositoryOptions
	now  time.Time

	named   map[objectID]struct{} // the data that is needed
	backups map[string]bool       // that exist
	gone    map[string]time.Time  // when backups were deleted; also those that a copy brings back
	swept   Swept
	held    error // why the first object that is protected was not deleted

	progress *progress
}

// objectID stands for the key of an object.
type objectID [16]byte

func idOfKey(key string) objectID {
	sum := sha256.Sum256([]byte(key))
	return objectID(sum[:16])
}

func (s *sweep) run(ctx context.Context) error {
	if err := s.findNamed(ctx); err != nil {
		return err
	}
	if err := s.checkBackups(ctx); err != nil {
		return err
	}
	s.progress.run = ""
	for _, kind := range []struct {
		prefix   string
		unneeded func(Object) bool
	}{
		{dataPrefix, s.unneededData},
		{jobsPrefix, func(o Object) bool { return s.isOld(runOf(o.Key, jobsPrefix), o) }},
		{backupsPrefix, s.unneededCatalog},
	} {
		doomed := stream.Via(s.repo.store.List(kind.prefix), stream.Filter(kind.unneeded))
		if err := s.delete(ctx, doomed); err != nil {
			return err
		}
	}
	err := s.sweepUnfinished(ctx)
	if err == nil {
		err = s.held
	}
	s.progress.finished(err)
	return err
}

// findNamed finds what backups name, and what backups that were deleted within the grace named. It
// lists tombstones before and after the manifests. If a prune deletes a manifest before the
// manifests are listed, the second list has the tombstone. If a copy brings a backup back after the
// manifests are listed, the first list has it.
func (s *sweep) findNamed(ctx context.Context) error {
	before, err := s.repo.tombstones(ctx)
	if err != nil {
		return err
	}
	_, err = stream.Run(ctx, s.repo.List(), sink.ForEach(func(ctx context.Context, m Manifest) error {
		s.backups[m.Run] = true
		return s.name(ctx, m.Run, s.repo.objects(&m))
	}))
	if err != nil {
		return err
	}
	after, err := s.repo.tombstones(ctx)
	if err != nil {
		return err
	}
	s.gone = before
	maps.Copy(s.gone, after)
	for _, run := range slices.Sorted(maps.Keys(s.gone)) {
		if s.backups[run] || s.passed(s.gone[run]) {
			continue
		}
		if err := s.name(ctx, run, s.repo.objectsOfDeleted(run)); err != nil {
			return err
		}
	}
	return nil
}

// checkBackups returns [ErrNoBackups] if data would be deleted and the store has no backup, not
// even a deleted one.
func (s *sweep) checkBackups(ctx context.Context) error {
	if s.opts.WithoutBackups || len(s.backups) > 0 || len(s.gone) > 0 {
		return nil
	}
	doomed, err := first(ctx, stream.Via(s.repo.store.List(dataPrefix), stream.Filter(s.unneededData)))
	if err == nil && doomed != nil {
		err = failed(doomed.Key, ErrNoBackups)
	}
	return err
}

// name notes the objects that a backup needs.
func (s *sweep) name(ctx context.Context, run string, objects stream.Source[namedObject]) error {
	err := objects.Each(ctx, func(o namedObject) error {
		s.named[idOfKey(o.Key)] = struct{}{}
		return nil
	})
	if err == nil {
		s.progress.run = run
		s.progress.tell(Event{Kind: BackupExamined, Phase: Examining}, did{})
	}
	return err
}

// passed reports whether the grace has passed since a time.
func (s *sweep) passed(since time.Time) bool { return s.now.Sub(since) > grace }

// isOld reports whether the grace has passed since the run began, and since o, an object of it, was
// stored: a copy stores objects of old runs. It is false for what is no name of a run.
func (s *sweep) isOld(run string, o Object) bool {
	began, ok := parseName(run)
	return ok && s.passed(began) && s.passed(o.Modified)
}

// runOf returns the name of the run in a key.
func runOf(key, prefix string) string {
	run, _, _ := strings.Cut(strings.TrimPrefix(key, prefix), "/")
	return run
}

func (s *sweep) unneededData(o Object) bool {
	_, named := s.named[idOfKey(o.Key)]
	return !named && s.isOld(runOf(o.Key, dataPrefix), o)
}

// unneededCatalog reports whether an object is a catalog, a list or a signature of a backup that does
// not exist.
func (s *sweep) unneededCatalog(o Object) bool {
	if _, isManifest := manifestRun(o.Key); isManifest {
		return false
	}
	run := runOf(o.Key, backupsPrefix)
	if path.Dir(o.Key)+"/" == backupsPrefix {
		run = strings.TrimSuffix(run, manifestSuffix+signatureSuffix)
	}
	at, isGone := s.gone[run]
	return !s.backups[run] && s.isOld(run, o) && (!isGone || s.passed(at))
}

// deletedStep is how many objects are deleted between two events.
const deletedStep = 1000

// delete deletes objects while it finds them.
func (s *sweep) delete(ctx context.Context, doomed stream.Source[Object]) error {
	_, err := stream.Run(ctx, stream.Via(doomed, stream.Batch[Object](deletedStep)), sink.ForEach(s.deleteSome))
	return err
}

// deleteSome deletes objects, and counts and reports those whose deletion the store has
// acknowledged. If one of them is protected, it tries the halves: others are deleted.
func (s *sweep) deleteSome(ctx context.Context, doomed []Object) error {
	if s.opts.DryRun {
		s.count(doomed)
		return nil
	}
	keys := stream.Via(source.Slice(doomed), stream.Map(func(o Object) string { return o.Key }))
	_, err := stream.Run(ctx, keys, s.repo.store.Delete())
	switch half := len(doomed) / 2; {
	case err == nil:
		s.progress.tell(Event{Kind: ObjectsDeleted, Phase: Deleting}, did{Counts: Counts{Objects: s.count(doomed)}})
		return nil
	case !errors.Is(err, ErrHeld) || ctx.Err() != nil:
		return err
	case half > 0:
		if err := s.deleteSome(ctx, doomed[:half]); err != nil {
			return err
		}
		return s.deleteSome(ctx, doomed[half:])
	case s.held == nil:
		s.held = err
	}
	return nil
}

// count counts objects that were, or would be, deleted. It returns their number.
func (s *sweep) count(deleted []Object) int64 {
	for _, o := range deleted {
		s.swept.Objects++
		s.swept.Bytes += o.Size
		if s.opts.OnObject != nil {
			s.opts.OnObject(o)
		}
	}
	return int64(len(deleted))
}

// sweepUnfinished removes what killed processes left in a store that does not show it.
func (s *sweep) sweepUnfinished(ctx context.Context) (err error) {
	sweeper, ok := s.repo.store.(Sweeper)
	if !ok {
		return nil
	}
	s.swept.Unfinished, err = sweeper.Sweep(ctx, &SweepOptions{Before: s.now.Add(-grace), DryRun: s.opts.DryRun})
	return err
}
