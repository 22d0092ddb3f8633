package backup

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"filippo.io/age"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// View is a complete backup. Verifications, restores, comparisons and copies read it. It is safe for
// concurrent use.
type View struct {
	repo     *Repository
	manifest *Manifest
	numbers  map[mongosource.Namespace]int // of the collections

	keys   *viewKeys
	meters *meters // of the job that reads it; nil if nothing is measured
}

// measured returns the view with meters.
func (v *View) measured(m *meters) *View {
	copied := *v
	copied.meters = m
	return &copied
}

// viewKeys are the identities that read a backup. They are looked up when they are needed.
type viewKeys struct{ data, records kept[[]age.Identity] }

// dataIdentities returns the identities that read the segments.
func (v *View) dataIdentities(ctx context.Context) ([]age.Identity, error) {
	return v.keys.data.get(func() ([]age.Identity, error) { return v.repo.dataIdentities(ctx, v.manifest.Epoch) })
}

// recordIdentities returns the identities that read the catalogs.
func (v *View) recordIdentities(ctx context.Context) ([]age.Identity, error) {
	return v.keys.records.get(func() ([]age.Identity, error) { return v.repo.recordIdentities(ctx, v.manifest.Epoch) })
}

// View returns the backup of this name. The name "" means the newest backup. View reads and checks
// the manifest only, so it needs no identity. If the newest backup is damaged, that is an error, and
// no older one is used.
func (r *Repository) View(ctx context.Context, run string) (*View, error) {
	ctx = stream.WithoutDrain(ctx) // a list that is cut short would have another newest backup
	if run == "" {
		var err error
		if run, err = r.newest(ctx); err != nil {
			return nil, failed("view", err)
		}
	}
	m, err := r.manifest(ctx, run)
	if err != nil {
		return nil, failed("view", err)
	}
	return newView(r, m), nil
}

func newView(r *Repository, m *Manifest) *View {
	v := &View{repo: r, manifest: m, numbers: map[mongosource.Namespace]int{}, keys: &viewKeys{}}
	for i := range m.Collections {
		v.numbers[m.Collections[i].Namespace()] = i
	}
	return v
}

// newest returns the name of the newest backup.
func (r *Repository) newest(ctx context.Context) (string, error) {
	run, err := stream.Run(ctx, r.Runs(), sink.Fold("", func(last, run string) string { return max(last, run) }))
	if err == nil && run == "" {
		err = ErrNoBackup
	}
	return run, err
}

// Manifest returns a description of the backup. The caller must not change its slices.
func (v *View) Manifest() Manifest { return *v.manifest }

// collection returns the number of a collection.
func (v *View) collection(ns mongosource.Namespace) (int, error) {
	n, ok := v.numbers[ns]
	if !ok {
		return 0, fmt.Errorf("%w: %.200q", ErrNoCollection, ns.String())
	}
	return n, nil
}

// ErrNoCollection is the error of a collection that a backup does not have.
var ErrNoCollection = fatal("the backup has no such collection")

// rows returns a source of the rows of the n-th catalog: its head, then the segments. It holds one.
func (v *View) rows(n int) stream.Source[catalogRow] {
	return stream.SourceFunc[catalogRow](func(ctx context.Context, emit func(catalogRow) error) error {
		identities, err := v.recordIdentities(ctx)
		if err != nil {
			return err
		}
		return v.repo.catalog(v.manifest, n, identities).Each(ctx, emit)
	})
}

// segments is rows without the head.
func (v *View) segments(n int) stream.Source[Segment] {
	return stream.Via(v.rows(n), stream.FilterMap(func(row catalogRow) (Segment, bool) {
		if row.segment == nil {
			return Segment{}, false
		}
		return *row.segment, true
	}))
}

// documents returns a source of the documents of a segment of the n-th collection, as
// [Repository.segment].
func (v *View) documents(n int, s Segment, begin func() *tally) stream.Source[bson.Raw] {
	return stream.SourceFunc[bson.Raw](func(ctx context.Context, emit func(bson.Raw) error) error {
		identities, err := v.dataIdentities(ctx)
		if err != nil {
			return err
		}
		c := &v.manifest.Collections[n]
		return v.repo.segment(s, c.Database, c.Collection, identities, begin, v.meters).Each(ctx, emit)
	})
}

// survey reads the whole catalog of the n-th collection, so that it is proven, and returns its head
// and the tally of all documents, without Digest.
func (v *View) survey(ctx context.Context, n int) (head catalogHead, all Tally, err error) {
	all = newTally().result()
	err = v.rows(n).Each(ctx, func(row catalogRow) error {
		if row.head != nil {
			head = *row.head
			return nil
		}
		var ok bool
		if all, ok = all.Plus(row.segment.Tally); !ok {
			return damaged("a sum of the catalog is not valid")
		}
		return nil
	})
	all.Digest = ""
	return head, all, err
}

// weaker says what the backup lacks.
func (v *View) weaker() []string {
	var all []string
	if v.manifest.Consistency != "instant" {
		all = append(all, "the backup is no snapshot of one instant: "+v.manifest.Consistency)
	}
	if !v.repo.keys.verifies() {
		all = append(all, "no signature was verified")
	}
	for _, l := range v.manifest.LeftOut {
		name := strings.TrimSuffix(l.Database+"."+l.Collection, ".")
		all = append(all, fmt.Sprintf("the backup does not have %q: %s", name, l.Reason))
	}
	return slices.Clip(all)
}

// kept is a value that is computed when it is needed, until that succeeds.
type kept[T any] struct {
	mutex sync.Mutex
	done  bool
	value T
}

// get returns the value. f computes it.
func (k *kept[T]) get(f func() (T, error)) (T, error) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.done {
		return k.value, nil
	}
	v, err := f()
	k.value, k.done = v, err == nil
	return v, err
}
