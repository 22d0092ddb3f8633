package main

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/dirstore"
	"github.com/millweir/millweir/backup/s3store"
)

// place is where a program keeps its backups: a directory, or a prefix of the bucket.
type place struct{ folder, prefix string }

// The kinds of stores.
const (
	inS3        = "s3"
	inDirectory = "directory"
)

// place returns a place for a name.
func (w *world) place(store, name string) place {
	if store == inDirectory {
		return place{folder: filepath.Join(w.Dir, "repositories", name)}
	}
	return place{prefix: name}
}

func (p place) environ() []string {
	return []string{folderEnv + "=" + p.folder, prefixEnv + "=" + p.prefix}
}

func (w *world) store(p place) backup.Store {
	if p.folder != "" {
		return dirstore.New(p.folder, nil)
	}
	return s3store.New(w.storage, w.bucket, p.prefix, nil)
}

// prepare makes what the place needs before a backup.
func (p place) prepare() error {
	if p.folder == "" {
		return nil
	}
	return os.MkdirAll(p.folder, 0o700)
}

// sizes returns the number and the bytes of the objects of a place.
func (w *world) sizes(ctx context.Context, p place) (objects, bytes int64, err error) {
	if p.folder != "" {
		err = filepath.WalkDir(p.folder, func(_ string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if err == nil {
				objects++
				bytes += info.Size()
			}
			return err
		})
		return objects, bytes, err
	}
	err = w.eachObject(ctx, p.prefix+"/", func(_ string, size int64) error {
		objects++
		bytes += size
		return nil
	})
	return objects, bytes, err
}

// remove deletes a place.
func (w *world) remove(ctx context.Context, p place) error {
	if p.folder != "" {
		return os.RemoveAll(p.folder)
	}
	return w.deleteObjects(ctx, p.prefix+"/")
}

func (w *world) eachObject(ctx context.Context, prefix string, f func(key string, size int64) error) error {
	pages := s3.NewListObjectsV2Paginator(w.storage, &s3.ListObjectsV2Input{Bucket: &w.bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, o := range page.Contents {
			if err := f(aws.ToString(o.Key), aws.ToInt64(o.Size)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *world) deleteObjects(ctx context.Context, prefix string) error {
	var keys []string
	err := w.eachObject(ctx, prefix, func(key string, _ int64) error {
		keys = append(keys, key)
		return nil
	})
	for _, key := range keys {
		if _, err := w.storage.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &w.bucket, Key: &key}); err != nil {
			return err
		}
	}
	return err
}
