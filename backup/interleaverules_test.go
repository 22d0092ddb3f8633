package backup_test

import (
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// least is how long everything is kept at least: the grace of 7 days, by clocks that differ by 2.
const least = 5 * 24 * time.Hour

// stored checks what must be true when an object has appeared.
func (s *watched) stored(ctx context.Context, key string) {
	if run, ok := strings.CutPrefix(key, "gone/"); ok && !strings.Contains(run, ".") {
		s.gone[run] = time.Now()
	}
	if run, ok := runOfManifest(key); ok {
		s.committed(ctx, run)
	}
}

// committed checks that everything that a backup names is there when it appears.
func (s *watched) committed(ctx context.Context, run string) {
	r, err := backup.Open(ctx, s.Store, s.world.base.reader)
	if err != nil {
		s.world.broken("%s cannot be opened: %v", run, err)
		return
	}
	view, err := r.View(ctx, run)
	if err != nil {
		s.world.broken("%s has appeared, and cannot be viewed: %v", run, err)
		return
	}
	if _, err := backup.Run(ctx, view.Verify(backup.Present, &backup.VerifyOptions{NoProof: true}), 1); err != nil {
		s.world.broken("%s has appeared, and is not complete: %v", run, err)
	}
	keys, err := backup.KeysOf(ctx, view)
	if err != nil {
		s.world.broken("%s has appeared, and its list cannot be read: %v", run, err)
	}
	s.named[run] = keys
	retain := view.Manifest().Retain
	for _, key := range append(keys, "backups/"+run+".json") {
		if s == s.world.main && s.held[key].Before(retain) {
			s.world.broken("%s names %s, which is protected until %v only", run, key, s.held[key])
		}
	}
}

// deleted checks that an object could be deleted that was stored at a time.
func (s *watched) deleted(ctx context.Context, key string, modified time.Time) {
	delete(s.sums, key)
	if run, ok := runOfManifest(key); ok {
		s.pruned(ctx, run)
		return
	}
	for run, keys := range s.named {
		if slices.Contains(keys, key) || key == "backups/"+run+".json.sig" {
			s.world.broken("%s was deleted, which %s names", key, run)
		}
	}
	prefix, rest, _ := strings.Cut(key, "/")
	run, _, _ := strings.Cut(strings.TrimSuffix(rest, ".json.sig"), "/")
	_, isGone := s.gone[run]
	if !slices.Contains([]string{"data", "jobs", "backups"}, prefix) || strings.HasSuffix(key, ".sig") && isGone {
		return
	}
	if age := time.Since(modified); !modified.IsZero() && age < least {
		s.world.broken("%s was deleted %v after it was stored", key, age)
	}
	if age := time.Since(s.world.began(run)); age < least {
		s.world.broken("%s was deleted %v after its run began", key, age)
	}
	for run, keys := range s.past {
		if age := time.Since(s.gone[run]); slices.Contains(keys, key) && age < least {
			s.world.broken("%s was deleted %v after %s, which named it", key, age, run)
		}
	}
}

// pruned checks that a backup could be deleted.
func (s *watched) pruned(ctx context.Context, run string) {
	s.past[run] = append(s.past[run], s.named[run]...)
	delete(s.named, run)
	if s.gone[run].IsZero() {
		s.world.broken("%s was deleted, and has no tombstone", run)
	}
	r, err := backup.Open(ctx, s.Store, s.world.base.reader)
	if err != nil {
		s.world.broken("%v", err)
		return
	}
	proofs, err := stream.Run(ctx, r.Proofs(), sink.Slice[backup.Proof]())
	if err != nil {
		s.world.broken("the proofs: %v", err)
	}
	if !slices.ContainsFunc(proofs, func(p backup.Proof) bool {
		return p.Of == string(backup.Read) && p.Passed && s.named[p.Run] != nil && p.Run > run
	}) {
		s.world.broken("%s was deleted, and no newer backup is proven", run)
	}
	for key, until := range s.held {
		if key == "backups/"+run+".json" && until.After(time.Now().Add(s.skew)) {
			s.world.broken("%s was deleted, and is protected until %v", run, until)
		}
	}
}

// unchanged checks that every object has the bytes that were stored.
func (s *watched) unchanged(ctx context.Context) {
	for key, want := range s.sums {
		content, err := s.content(ctx, key)
		if err != nil || sha256.Sum256(content) != want {
			s.world.broken("%s is not what was stored: %v", key, err)
		}
	}
}

// runOfManifest returns the backup whose manifest is at key.
func runOfManifest(key string) (run string, ok bool) {
	name, found := strings.CutPrefix(key, "backups/")
	run, ok = strings.CutSuffix(name, ".json")
	return run, found && ok && !strings.Contains(run, "/")
}
