package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// ErrUnfit means that the store breaks a promise of [Store], such as never to replace an object. It
// cannot hold a repository.
var ErrUnfit = fatal("the store is not fit for a repository")

// checkStore runs the store's own check, if it is a [Checker].
func checkStore(ctx context.Context, store Store) error {
	if c, ok := store.(Checker); ok {
		return c.Check(ctx)
	}
	return nil
}

// proveStore proves with an object that was just stored at key that the store does not replace
// objects, and that they can be read and listed at once.
func proveStore(ctx context.Context, store Store, key string, content []byte) error {
	err := put(ctx, store, key, content)
	switch {
	case err == nil:
		return fmt.Errorf("%w: it replaces objects: choose one that has conditional writes", ErrUnfit)
	case !errors.Is(err, ErrExists):
		return err
	}
	found, err := get(ctx, store, key)
	switch {
	case errors.Is(err, ErrNotFound):
		return fmt.Errorf("%w: an object that it has stored cannot be read", ErrUnfit)
	case err != nil:
		return err
	case !bytes.Equal(found, content):
		return fmt.Errorf("%w: an object that it has stored is read with other content", ErrUnfit)
	}
	listed, err := first(ctx, store.List(key))
	if err == nil && (listed == nil || listed.Key != key || listed.Size != int64(len(content))) {
		err = fmt.Errorf("%w: it does not list an object that it has stored", ErrUnfit)
	}
	return err
}

// putProven stores content at key, as the first object of a repository, and proves the store with
// it. If the store is unfit, the object is deleted again, unless another process has gone on with
// it.
func putProven(ctx context.Context, store Store, key string, content []byte) error {
	if err := put(ctx, store, key, content); err != nil {
		return err
	}
	err := proveStore(ctx, store, key, content)
	if !errors.Is(err, ErrUnfit) {
		return err
	}
	if e := withdraw(ctx, store, key); e != nil {
		err = errors.Join(err, fmt.Errorf("%s is left: %w", key, e))
	}
	return err
}

// withdraw deletes the object at key, the first of a repository, unless the repository has more.
func withdraw(ctx context.Context, store Store, key string) error {
	for _, prefix := range []string{key + signatureSuffix, epochsPrefix, backupsPrefix} {
		found, err := first(ctx, store.List(prefix))
		if err == nil && found != nil {
			err = fmt.Errorf("another process has gone on with it, and stored %s", found.Key)
		}
		if err != nil {
			return err
		}
	}
	_, err := stream.Run(ctx, source.Of(key), store.Delete())
	return err
}
