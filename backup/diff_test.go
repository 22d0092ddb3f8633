package backup

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// Every difference is found, and equal segments are not fetched.
func TestDiff(t *testing.T) {
	r, store := makeRepository(t)
	doc := func(id any, name string) bson.Raw {
		return document(t, bson.D{{Key: "_id", Value: id}, {Key: "name", Value: name}})
	}
	before := plainCollection(t, "shop", "orders", 10, 10, 10, 10)
	after := plainCollection(t, "shop", "orders", 10, 10, 10, 10)
	after.segments[1] = slices.Clone(after.segments[1][1:]) // without 10
	after.segments[1][3] = doc(14, "changed")
	after.segments[3] = append(slices.Clone(after.segments[3]), doc("a", "new"))
	same := plainCollection(t, "shop", "same", 5, 5)
	other := plainCollection(t, "shop", "same", 3, 7) // the same documents in other segments
	capped := plainCollection(t, "shop", "log", 5)
	capped.kind, capped.options = mongosource.KindCapped, bson.D{
		{Key: "capped", Value: true},
		{Key: "size", Value: 4096},
	}
	longer := capped
	longer.options = bson.D{{Key: "capped", Value: true}, {Key: "size", Value: 8192}}
	longer.segments = plainCollection(t, "shop", "log", 6).segments
	now := time.Now()
	a := view(t, r, makeBackup(t, r, now.Add(-time.Hour), before, same, capped, plainCollection(t, "a", "gone", 1)))
	b := view(t, r, makeBackup(t, r, now, plainCollection(t, "z", "new", 1), other, longer, after))
	diff := func(a, b *View) string {
		t.Helper()
		var all []string
		found, err := stream.Run(t.Context(), a.Diff(b, nil), sink.Slice[Difference]())
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range found {
			text := fmt.Sprintf("%s %s", d.Namespace, d.Kind)
			if !d.ID.IsZero() {
				text += " " + strings.Trim(d.ID.String(), `{}"$numberIt: `)
			}
			all = append(all, text)
		}
		return strings.Join(all, "\n")
	}
	store.gets = nil
	want := `a.gone only first
shop.log options
shop.log content
shop.orders only first 10
shop.orders document 14
shop.orders only second a
z.new only second`
	if got := diff(a, b); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	data := 0
	for _, key := range store.gets {
		if strings.HasPrefix(key, "data/") {
			data++
		}
	}
	if data != 4 {
		t.Errorf("%d segments were fetched, want the two that changed of each backup", data)
	}
	if got := diff(a, a); got != "" {
		t.Errorf("a backup and itself: %s", got)
	}
	if got := diff(b, a); strings.Count(got, "only") != 4 {
		t.Error(got)
	}
}
