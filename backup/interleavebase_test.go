package backup_test

import (
	"context"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"filippo.io/age"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/memstore"
	"github.com/millweir/millweir/backup/storetest"
	"github.com/millweir/millweir/mongotest"
)

// base is what all worlds begin with: two backups that share segments, what two killed backups left,
// and half a copy.
type base struct {
	reader, writer, rekeyed backup.Keys
	main, other             snapshot
	end                     time.Time
	made                    map[string]deployment // by the backup, what it has
	fill                    func(t *testing.T, d deployment)
}

// newBase makes the base.
func newBase(t *testing.T) *base {
	t.Helper()
	me, next := newPerson(t), newPerson(t)
	b := &base{
		reader: me.keys(), writer: backup.Keys{Sign: me.sign}, rekeyed: me.keys(), made: map[string]deployment{},
	}
	b.reader.Identities = append(b.reader.Identities, next.identity)
	b.rekeyed.Recipients = []age.Recipient{next.identity.Recipient()}
	b.rekeyed.Identities = b.reader.Identities
	synctest.Test(t, func(t *testing.T) { b.make(t, me) })
	return b
}

func (b *base) make(t *testing.T, me person) {
	ctx := t.Context()
	main, other := &watched{Store: memstore.New(nil)}, &watched{Store: memstore.New(nil)}
	r, err := backup.Init(ctx, main.Store, me.keys(), nil)
	if err != nil {
		t.Fatal(err)
	}
	d := deployment{Server: mongotest.NewMemoryServer()}
	defer d.Close()
	backUpKilled := func(store backup.Store, kill int) string {
		client, closes := connect(t, d.Server)
		defer closes()
		faults := new(storetest.Faults)
		faults.KillAt(kill, storetest.AfterChange)
		killed, err := backup.Open(ctx, faults.Wrap(store), b.writer)
		if err != nil {
			t.Fatal(err)
		}
		report, err := backUp(ctx, killed, deployment{d.Server, client}, small())
		if (err != nil) != (kill > 0) {
			t.Fatal(err)
		}
		return report.Run
	}
	d.fill(t, "shop", "orders", 0, 200, 1000)
	d.fill(t, "shop", "cookies", 0, 150, 1000)
	d.fill(t, "crm", "people", 0, 10, 10)
	first := backUpKilled(main.Store, 0)
	b.made[first] = copyOf(d)
	time.Sleep(day)
	change(t, d, 20)
	backUpKilled(main.Store, 3)
	backUpKilled(main.Store, 10)
	view, err := r.View(ctx, first)
	if err != nil {
		t.Fatal(err)
	}
	to := new(storetest.Faults)
	to.KillAt(9, storetest.AfterChange)
	if _, err := backup.Run(ctx, view.Copy(to.Wrap(other.Store), nil), 1); err == nil {
		t.Fatal("the copy was not killed")
	}
	time.Sleep(8 * day)
	change(t, d, 150)
	second := backUpKilled(main.Store, 0)
	b.made[second] = copyOf(d)
	b.fill = func(t *testing.T, d deployment) {
		d.fillAll(b.made[second])
		change(t, d, 170)
	}
	b.main, b.other, b.end = main.snapshot(t), other.snapshot(t), time.Now()
}

// change replaces some of the documents.
func change(t *testing.T, d deployment, from int) {
	t.Helper()
	client, closes := connect(t, d.Server)
	defer closes()
	d.client = client
	d.replace(t, "shop", "orders", from, 200-from, 1001)
}

// copyOf returns a server that has the documents of d, and no client.
func copyOf(d deployment) deployment {
	to := deployment{Server: mongotest.NewMemoryServer()}
	to.fillAll(d)
	to.Close()
	return to
}

// fillAll adds the documents of another server.
// collections are those of the worlds.
var collections = map[string][]string{"shop": {"orders", "cookies"}, "crm": {"people"}}

func (d deployment) fillAll(from deployment) {
	for db, colls := range collections {
		for _, coll := range colls {
			d.Add(db, coll, from.Documents(db, coll)...)
		}
	}
}

// begin makes a world.
func (b *base) begin(t *testing.T, w *world, inDir bool) {
	t.Helper()
	time.Sleep(time.Until(b.end))
	w.done = map[string]*watched{}
	w.source = deployment{Server: mongotest.NewMemoryServer()}
	w.base.fill(t, w.source)
	w.main = newWatched(t, w, inDir, skew(w.random), b.main)
	w.other = newWatched(t, w, inDir, skew(w.random), b.other)
	ctx := context.Background()
	for run := range maps.Keys(b.made) {
		w.main.committed(ctx, run)
	}
}
