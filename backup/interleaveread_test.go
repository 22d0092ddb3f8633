package backup_test

import (
	"bytes"
	"context"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// restoreAll restores every backup that is listed. A restore that returns nil has restored all, and one that
// fails has restored nothing.
func (p *process) restoreAll(ctx context.Context) error {
	r, err := p.open(ctx, p.main, p.base.reader)
	if err != nil {
		return err
	}
	manifests, err := stream.Run(ctx, r.List(), sink.Slice[backup.Manifest]())
	if err != nil {
		return err
	}
	for i := range manifests {
		run := manifests[i].Run
		view, err := r.View(ctx, run)
		if err != nil {
			if err := allowed(err, backup.ErrNoBackup); err != nil {
				return err
			}
			continue
		}
		if err := p.restore(ctx, view); err != nil {
			return err
		}
	}
	return nil
}

// restore restores a backup into a new server.
func (p *process) restore(ctx context.Context, view *backup.View) error {
	target := deployment{Server: mongotest.NewMemoryServer()}
	defer target.Close()
	client, closes := connect(p.T, target.Server)
	defer closes()
	target.client = client
	run := view.Manifest().Run
	_, err := backup.Run(ctx, view.Restore(client, &backup.RestoreOptions{Parallelism: 1}), 1)
	if err == nil {
		want := p.source
		if old, ok := p.base.made[run]; ok {
			want = old
		}
		for db, colls := range collections {
			for _, coll := range colls {
				if !sameSet(target.Documents(db, coll), want.Documents(db, coll)) {
					p.broken("the restore of %s has other documents in %s.%s", run, db, coll)
				}
			}
		}
		return nil
	}
	for db, colls := range collections {
		for _, coll := range colls {
			if docs := target.Documents(db, coll); len(docs) > 0 {
				p.broken("the restore of %s failed, and %s.%s has %d documents", run, db, coll, len(docs))
			}
		}
	}
	if _, isGone := p.main.gone[run]; isGone {
		return nil
	}
	return err
}

// sameSet reports whether two lists have the same documents, in any order.
func sameSet(a, b []bson.Raw) bool {
	sorted := func(docs []bson.Raw) []bson.Raw { return slices.SortedFunc(slices.Values(docs), compareBytes) }
	return slices.EqualFunc(sorted(a), sorted(b), func(a, b bson.Raw) bool { return bytes.Equal(a, b) })
}

func compareBytes(a, b bson.Raw) int { return bytes.Compare(a, b) }
