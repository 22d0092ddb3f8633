package backup

import (
	"context"
	"fmt"
	"maps"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/mongofixture"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// The list of a backup has the objects that its catalogs name, also those of another run.
func TestObjectList(t *testing.T) {
	srv := mongotest.NewServer()
	client := mongofixture.Connect(t, srv)
	r, store := makeRepository(t)
	fill := func(coll string, first, n int) {
		for i := range n {
			srv.Add("db", coll, mongofixture.Raw(t, bson.D{
				{Key: "_id", Value: first + i},
				{Key: "text", Value: fmt.Sprintf("%1000d", first+i)},
			}))
		}
	}
	fill("large", 0, 300)
	fill("small", 0, 1)
	runs := map[string]bool{}
	for n := range 2 {
		job, err := r.Backup(t.Context(), client, &Options{SegmentBytes: minSegmentBytes})
		if err != nil {
			t.Fatal(err)
		}
		report, err := Run(t.Context(), job, 2)
		if err != nil || n > 0 && report.Counts.Reused == 0 {
			t.Fatal(report, err)
		}
		v := view(t, r, report.Run)
		want := objectList{}
		for n := range v.manifest.Collections {
			rows, err := stream.Run(t.Context(), v.segments(n), sink.Slice[Segment]())
			if err != nil {
				t.Fatal(err)
			}
			want.addAll(objectsOf(rows))
		}
		got := objectList{}
		_, err = stream.Run(t.Context(), r.objects(v.manifest),
			sink.ForEach(func(_ context.Context, o namedObject) error {
				got.add(o.Key, o.Size)
				runs[runOf(o.Key, dataPrefix)] = true
				if int64(len(store.objects[o.Key])) < o.Size {
					t.Errorf("%s has %d bytes, and %d in the list", o.Key, len(store.objects[o.Key]), o.Size)
				}
				return nil
			}))
		if err != nil || !maps.Equal(got, want) || len(got) < 4 {
			t.Errorf("the list has %v, want %v; %v", got, want, err)
		}
		fill("large", 300, 1)
	}
	if len(runs) != 2 {
		t.Errorf("objects of %d runs", len(runs))
	}
}
