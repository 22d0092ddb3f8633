package backup

import (
	"context"
	"fmt"
	"time"
)

// keptThere finds out whether a sweep of a store keeps objects that no manifest there names yet.
type keptThere struct {
	repo  *Repository
	run   string                // the backup that names the objects
	held  time.Time             // until when the copy protects its objects; zero if it does not
	named map[objectID]struct{} // by the other backups of the store; nil until they are read
	gone  time.Time             // when the store's own backup of this name was deleted; zero if it was not
}

// check returns an error if a sweep may delete the object, or may be about to. A sweep keeps young
// objects, objects of young runs, and objects that a backup names. It also keeps the objects of a
// backup that was deleted not long ago.
func (k *keptThere) check(ctx context.Context, prefix string, o Object) error {
	began, ok := parseName(runOf(o.Key, prefix))
	if ok && k.young(began) || k.young(o.Modified) || k.held.After(k.repo.now().Add(heldLongEnough)) {
		return nil
	}
	if k.named == nil {
		if err := k.read(ctx); err != nil {
			return err
		}
	}
	if _, ok := k.named[idOfKey(o.Key)]; ok || k.young(k.gone) {
		return nil
	}
	from := o.Modified.Add(grace)
	if began.Add(grace).After(from) {
		from = began.Add(grace)
	}
	return ofTarget(failed(o.Key, fmt.Errorf("%w: it was stored on %s, and no backup there names it: a sweep of the "+
		"target deletes it after %s: sweep then, and copy again", ErrTooOld, o.Modified.UTC().Format(time.DateOnly),
		from.UTC().Format(time.RFC3339))))
}

// heldLongEnough is how long an object must still be protected, so that no sweep that has begun
// deletes it.
const heldLongEnough = 24 * time.Hour

func (k *keptThere) young(since time.Time) bool { return k.repo.now().Sub(since) <= maxAge }

// read reads what the backups of the store name.
func (k *keptThere) read(ctx context.Context) error {
	k.named = map[objectID]struct{}{}
	gone, err := k.repo.tombstones(ctx)
	if err != nil {
		return err
	}
	k.gone = gone[k.run]
	return k.repo.List().Each(ctx, func(m Manifest) error {
		if _, isGone := gone[m.Run]; isGone && m.Run != k.run { // its manifest is about to disappear
			return nil
		}
		return k.repo.eachKey(ctx, &m, func(key string) { k.named[idOfKey(key)] = struct{}{} })
	})
}
