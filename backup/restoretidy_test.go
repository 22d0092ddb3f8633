package backup

import (
	"slices"
	"testing"
	"time"

	"github.com/millweir/millweir/internal/mongofixture"
	"github.com/millweir/millweir/mongotest"
)

// A restore leaves no prepared collection, also if it did not need the one that an earlier run made, or
// the server carried out a command of a killed run late.
func TestRestoreLeavesNothingPrepared(t *testing.T) {
	r, _ := makeRepository(t)
	makeBackup(t, r, time.Now(), shop(t)...)
	v := view(t, r, "")
	srv := mongotest.NewServer()
	client := mongofixture.Connect(t, srv)
	if _, err := Run(t.Context(), v.Restore(client, nil), 2); err != nil {
		t.Fatal(err)
	}
	want := names(t, srv)
	job := newRestore(v, client, nil)
	for _, target := range job.all {
		if inPlace(target.entry.Kind) {
			continue
		}
		for _, suffix := range []string{"", fillingSuffix} {
			name := v.preparedName(target) + suffix
			if err := client.Database(target.to.Database).CreateCollection(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
	}
	others := client.Database(job.all[0].to.Database)
	if err := others.CreateCollection(t.Context(), preparedPrefix+"of_another_restore"); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), job, 2); err != nil {
		t.Fatal(err)
	}
	if err := others.Collection(preparedPrefix + "of_another_restore").Drop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := names(t, srv); !slices.Equal(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
}
