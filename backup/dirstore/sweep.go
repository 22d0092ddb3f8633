package dirstore

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/millweir/millweir/backup"
)

// Sweep implements [backup.Sweeper]: it removes what killed processes have left, the temporary
// files of a Put and the folder of a Check.
func (s *Store) Sweep(ctx context.Context, opts *backup.SweepOptions) (n int64, _ error) {
	o := opts.Defaults()
	if err := s.exists(); err != nil {
		return 0, failed("sweep", "", err)
	}
	probes, err := s.sweepProbes(&o)
	if err != nil {
		return probes, err
	}
	err = s.walk(ctx, "", "", func(key string, info fs.FileInfo) error {
		object, ok := temporary(key)
		if !ok || !info.Mode().IsRegular() || !info.ModTime().Before(o.Before) {
			return nil
		}
		if !o.DryRun {
			err := os.Remove(filepath.Join(s.dir, filepath.FromSlash(key)))
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return failed("sweep", key, err)
			}
		}
		n++
		o.OnUnfinished(backup.Unfinished{Key: object, Size: info.Size(), Modified: info.ModTime()})
		return nil
	})
	return probes + n, err
}

// temporary returns the key of the object that a temporary file of [sink.File] was for: the file of
// folder/NAME is folder/.NAME.RANDOM.
func temporary(key string) (object string, ok bool) {
	folder, name := path.Split(key)
	name, ok = strings.CutPrefix(name, ".")
	i := strings.LastIndexByte(name, '.')
	if !ok || i <= 0 || len(name)-i-1 != randomLength {
		return "", false
	}
	object = folder + name[:i]
	return object, backup.CheckKey(object) == nil
}

// randomLength is the number of bytes of [crypto/rand.Text].
const randomLength = 26
