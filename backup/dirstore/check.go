package dirstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/internal/ending"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// probePrefix begins the names of the folders that [Store.Check] makes. No key begins with it, so
// List does not show their files.
const probePrefix = ".check-"

// Check implements [backup.Checker]. It proves that
//
//   - the directory exists and is not a file, and no name that a key can have is a link, at any
//     depth;
//   - this process may write, read, list and delete there, and the disk is not full;
//   - the clock of the file system, which may be on another machine, differs from the local one by
//     at most a minute;
//   - the file system has hard links, which Put needs to replace no file, and allows the longest
//     names.
//
// A file system that ignores case is fit, because keys have no capital letters. Check stores in a
// folder with a random name, .check-RANDOM, and removes it. A killed Check leaves the folder. List
// does not show it, and [Store.Sweep] removes it.
func (s *Store) Check(ctx context.Context) (err error) {
	if err := s.makeFolders(""); err != nil {
		return failed("check", s.dir, err)
	}
	if err := s.walk(ctx, "", "", func(string, fs.FileInfo) error { return nil }); err != nil { // it finds links
		return err
	}
	folder, err := os.MkdirTemp(s.dir, probePrefix+"*")
	if err != nil {
		return failed("check", s.dir, err)
	}
	defer func() {
		if e := os.RemoveAll(folder); e != nil {
			err = ending.Join(err, failed("check", s.dir, fmt.Errorf("delete what the check has stored: %w", e)))
		}
	}()
	for _, check := range []func(string) error{checkHardLinks, checkLongestName} {
		if err := check(folder); err != nil {
			return failed("check", s.dir, err)
		}
	}
	return New(folder, nil).tryAll(ctx)
}

// link is [os.Link]. A test replaces it.
var link = os.Link

// checkHardLinks returns an error if the file system has no hard links, or if a link replaces a
// file.
func checkHardLinks(folder string) error {
	one, other := filepath.Join(folder, "one"), filepath.Join(folder, "other")
	if err := os.WriteFile(one, []byte("millweir\n"), 0o600); err != nil {
		return err
	}
	if err := link(one, other); err != nil {
		return err
	}
	switch err := link(one, other); {
	case err == nil:
		return replacesFiles()
	case !errors.Is(err, fs.ErrExist):
		return err
	}
	return errors.Join(os.Remove(one), os.Remove(other))
}

func replacesFiles() error {
	return fmt.Errorf("%w: the file system replaces files: choose another one", backup.ErrUnfit)
}

// checkLongestName stores a file with the longest name that a Put needs.
func checkLongestName(folder string) error {
	name := filepath.Join(folder, strings.Repeat("x", longestName))
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		return err
	}
	return os.Remove(name)
}

// longestName is the number of bytes in the longest name of a temporary file. The name of the
// object itself has at most 200 bytes: see [backup.CheckKey].
const longestName = 1 + 200 + 1 + randomLength

// probeSize is the number of bytes that Check stores: more than a nearly full disk takes.
const probeSize = 256 << 10

// tryAll uses every operation of an empty store.
func (s *Store) tryAll(ctx context.Context) error {
	const key = "data/probe"
	body := make([]byte, probeSize)
	if _, err := stream.Run(ctx, source.Of(body), s.Put(key, nil)); err != nil {
		return err
	}
	switch _, err := stream.Run(ctx, source.Of(body), s.Put(key, nil)); {
	case err == nil:
		return failed("check", s.dir, replacesFiles())
	case !errors.Is(err, backup.ErrExists):
		return err
	}
	size, err := stream.Run(ctx, s.Get(key, nil), sink.Fold(0, func(n int, p []byte) int { return n + len(p) }))
	if err != nil {
		return err
	}
	listed, err := stream.Run(ctx, s.List(""), sink.Slice[backup.Object]())
	if err != nil {
		return err
	}
	if size != probeSize || len(listed) != 1 || listed[0].Key != key || listed[0].Size != probeSize {
		return failed("check", s.dir, fmt.Errorf("%w: a file is not read or listed as it was stored", backup.ErrUnfit))
	}
	// Grace and protection are compared with both clocks.
	if skew := time.Since(listed[0].Modified); skew.Abs() > maxClockSkew {
		return failed("check", s.dir, fmt.Errorf("the clock of the file system differs from the local one by %v: set "+
			"both by NTP", skew.Abs().Round(time.Second)))
	}
	_, err = stream.Run(ctx, source.Of(key), s.Delete())
	return err
}

// maxClockSkew is how much the clock of the file system may differ from the local one.
const maxClockSkew = time.Minute

// sweepProbes removes the folders of killed Checks. In a dry run it only counts them.
func (s *Store) sweepProbes(o *backup.SweepOptions) (n int64, _ error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return 0, failed("sweep", "", err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), probePrefix) || !e.IsDir() {
			continue
		}
		info, err := e.Info()
		if err != nil || !info.ModTime().Before(o.Before) { // err: deleted since
			continue
		}
		if !o.DryRun {
			if err := os.RemoveAll(filepath.Join(s.dir, e.Name())); err != nil {
				return n, failed("sweep", e.Name(), err)
			}
		}
		n++
		o.OnUnfinished(backup.Unfinished{Key: e.Name(), Size: -1, Modified: info.ModTime()})
	}
	return n, nil
}
