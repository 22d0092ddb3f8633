package backup

import (
	"slices"
	"strings"
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

// A target does not get the name under which another one is prepared.
func TestRestoreRefusesPreparedNames(t *testing.T) {
	r, _ := makeRepository(t)
	makeBackup(t, r, time.Now(), plainCollection(t, "shop", "a", 2), plainCollection(t, "shop", "b", 2))
	v := view(t, r, "")
	client := mongofixture.Connect(t, mongotest.NewServer())
	for _, suffix := range []string{"", fillingSuffix, laterSuffix} {
		to := "shop." + v.preparedName(newRestore(v, client, nil).all[0]) + suffix
		job := v.Restore(client, &RestoreOptions{Renames: []RenameRule{{From: "shop.b", To: to}}})
		if _, err := job.Units(t.Context()); err == nil || !strings.Contains(err.Error(), "is prepared") {
			t.Errorf("%s: %v", to, err)
		}
	}
}

// An Abandon that fails for one collection removes what was prepared for the others.
func TestRestoreAbandonsAll(t *testing.T) {
	r, _ := makeRepository(t)
	makeBackup(t, r, time.Now(), plainCollection(t, "shop", "a", 2), plainCollection(t, "shop", "b", 2))
	srv := mongotest.NewServer()
	job := view(t, r, "").Restore(mongofixture.Connect(t, srv), nil).(*restoreJob)
	prepareShop(t, job)
	first := job.collection(0).prepared().Name()
	srv.Inject(mongotest.Fault{Command: "drop", Code: 13, Text: "no right", If: func(c mongotest.Command) bool {
		name, _ := c.Body.Lookup("drop").StringValueOK()
		return name == first
	}})
	if err := job.Abandon(t.Context()); err == nil || !strings.Contains(err.Error(), "no right") {
		t.Error(err)
	}
	if all := names(t, srv); len(all) != 1 {
		t.Error(all)
	}
}
