package backup

import (
	"context"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// present compares the objects of the part's segments with a list of the store.
func (v *verification) present(ctx context.Context) error {
	var segments []Segment
	if err := v.each(ctx, func(s Segment) error {
		segments = append(segments, Segment{
			Object: strings.Clone(s.Object), Offset: s.Offset, Length: s.Length, Tally: Tally{
				Documents: s.Documents,
				Bytes:     s.Bytes,
			},
		})
		return nil
	}); err != nil {
		return err
	}
	began := time.Now()
	sizes, err := sizesIn(ctx, v.view.repo.store, segments)
	v.view.meters.read(began)
	if err != nil {
		return err
	}
	for _, s := range segments {
		size, ok := sizes[s.Object]
		switch {
		case !ok:
			v.found.add(maxUnitProblems, v.collection.problem(s.Object, s.Offset, reasonMissing, ErrNotFound))
		case size < s.Offset+s.Length:
			v.found.add(maxUnitProblems, v.collection.problem(s.Object, s.Offset, reasonShort,
				fmt.Errorf("it has %d bytes, and should have %d", size, s.Offset+s.Length)))
		default:
			v.count(s, 0)
		}
	}
	return nil
}

// sizesIn returns the sizes of the segments' objects that exist. It lists the objects of each unit at
// once.
func sizesIn(ctx context.Context, store Store, segments []Segment) (map[string]int64, error) {
	sizes, listed := map[string]int64{}, map[string]bool{}
	for _, s := range segments {
		sizes[s.Object] = -1
	}
	for _, s := range segments {
		prefix := unitPrefix(s.Object)
		if listed[prefix] {
			continue
		}
		listed[prefix] = true
		_, err := stream.Run(ctx, store.List(prefix), sink.ForEach(func(_ context.Context, o Object) error {
			if _, ok := sizes[o.Key]; ok {
				sizes[o.Key] = o.Size
			}
			return nil
		}))
		if err != nil {
			return nil, err
		}
	}
	for key, size := range sizes {
		if size < 0 {
			delete(sizes, key)
		}
	}
	return sizes, nil
}

// unitPrefix returns what the keys of the objects of the unit that stored key begin with.
func unitPrefix(key string) string {
	dir, name := path.Split(key)
	if unit, _, ok := strings.Cut(name, "-"); ok {
		return dir + unit + "-"
	}
	return key
}
