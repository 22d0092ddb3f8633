package backup

import (
	"context"
	"fmt"
	"iter"
	"path"

	"github.com/millweir/millweir/stream"
)

// checkObjects returns an error unless the other store has all objects of the backup's list, which
// it must have, and keeps them. A sweep may have deleted some since the units were done. It may be
// about to delete others: those that an old, killed copy has left.
func (j *copyJob) checkObjects(ctx context.Context) error {
	there := listing{ctx: ctx, store: j.copied.repo.store, stop: func() {}}
	defer func() { there.stop() }()
	run := j.view.manifest.Run
	kept := &keptThere{repo: j.copied.repo, run: run, held: j.retain}
	err := j.copied.repo.objects(j.view.manifest).Each(ctx, func(named namedObject) error {
		found, err := there.find(named.Key)
		if err == nil && found != nil {
			err = kept.check(ctx, dataPrefix, *found)
		}
		switch {
		case err != nil:
			return err
		case found == nil:
			return ofTarget(failed(named.Key, fmt.Errorf("%w: run the copy again", ErrNotFound)))
		case found.Size < named.Size:
			return ofTarget(failed(named.Key, damaged("it has %d bytes, and should have %d", found.Size, named.Size)))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return j.copied.repo.store.List(backupsPrefix+run+"/").Each(ctx, func(o Object) error {
		return kept.check(ctx, backupsPrefix, o)
	})
}

// listing finds objects whose keys come in ascending order. It lists each directory once, and holds one
// object.
type listing struct {
	ctx   context.Context
	store Store

	dir  string
	next func() (Object, error, bool)
	stop func()
	last *Object // that next returned; nil at the end
}

// find returns the object at key, or nil.
func (l *listing) find(key string) (*Object, error) {
	if dir, _ := path.Split(key); l.next == nil || dir != l.dir {
		l.stop()
		l.dir = dir
		l.next, l.stop = iter.Pull2(stream.All(l.ctx, l.store.List(dir)))
		if err := l.advance(); err != nil {
			return nil, err
		}
	}
	for l.last != nil && l.last.Key < key {
		if err := l.advance(); err != nil {
			return nil, err
		}
	}
	if l.last == nil || l.last.Key != key {
		return nil, nil
	}
	return l.last, nil
}

func (l *listing) advance() error {
	o, err, ok := l.next()
	l.last = nil
	if ok && err == nil {
		l.last = &o
	}
	return err
}
