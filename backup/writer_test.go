package backup_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/memstore"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// A writer that has only a signing key makes backups, resumes them and reuses segments. It cannot
// read a document.
func TestWriterCannotRead(t *testing.T) {
	d := newDeployment(t)
	d.fill(t, "shop", "orders", 0, 900, 250)
	r, store, me := repository(t)
	writer, err := backup.Open(t.Context(), store, backup.Keys{Sign: me.sign})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := backUp(t.Context(), writer, d, small()); err != nil {
		t.Fatal(err)
	}
	report, err := backUp(t.Context(), writer, d, small())
	if err != nil || report.Counts.Stored > 0 || sameAsServer(t.Context(), r, d, report.Run) != nil {
		t.Errorf("%+v, %v", report.Counts, err)
	}
	view, err := writer.View(t.Context(), report.Run)
	if err != nil {
		t.Fatal(err)
	}
	orders := mongosource.Namespace{Database: "shop", Collection: "orders"}
	if n, err := stream.Run(t.Context(), view.Documents(orders, nil), sink.Discard[bson.Raw]()); err == nil || n > 0 {
		t.Errorf("the writer has read %d documents, %v", n, err)
	}
	for name, keys := range map[string]backup.Keys{
		"nothing": {}, "another signs": newPerson(t).keys(), "recipients": {Recipients: me.keys().Recipients},
	} {
		other, err := backup.Open(t.Context(), store, keys)
		if err == nil {
			_, err = other.Backup(t.Context(), d.client, nil)
		}
		if err == nil || stream.ClassOf(err) == stream.Retryable {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Repositories that are not signed, or not encrypted, work, and the report says so.
func TestWeakRepositories(t *testing.T) {
	d := newDeployment(t)
	d.fill(t, "shop", "orders", 0, 900, 250)
	identity := newPerson(t).identity
	for name, keys := range map[string]backup.Keys{
		"it is not encrypted": {},
		"it is not signed": {
			Recipients: []age.Recipient{identity.Recipient()},
			Identities: []age.Identity{identity},
		},
	} {
		r, err := backup.Init(t.Context(), memstore.New(nil), keys,
			&backup.InitOptions{Plain: len(keys.Recipients) == 0})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			report, err := backUp(t.Context(), r, d, small())
			if err != nil || !slices.Contains(report.Weaker, name) ||
				sameAsServer(t.Context(), r, d, report.Run) != nil {
				t.Errorf("%s: %q, %v", name, report.Weaker, err)
			}
		}
	}
}

// holdingStore is a store that can protect objects.
type holdingStore struct {
	backup.Store
	mu    sync.Mutex
	until map[string]time.Time
}

func (s *holdingStore) Put(key string, opts *backup.PutOptions) stream.Sink[[]byte, backup.Object] {
	if opts != nil {
		_ = s.Hold(context.Background(), key, opts.RetainUntil)
	}
	return s.Store.Put(key, nil)
}

func (s *holdingStore) Hold(_ context.Context, key string, until time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until[key] = until
	return nil
}

// All objects that a backup names are protected, also those that it names again.
func TestRetain(t *testing.T) {
	d := newDeployment(t)
	d.fill(t, "shop", "orders", 0, 900, 250)
	d.fill(t, "shop", "cookies", 0, 9, 10)
	me := newPerson(t)
	store := &holdingStore{Store: memstore.New(nil), until: map[string]time.Time{}}
	r, err := backup.Init(t.Context(), store, me.keys(), nil)
	if err != nil {
		t.Fatal(err)
	}
	opts := small()
	opts.RetainUntil = time.Now().Add(time.Hour).Truncate(time.Second)
	first, err := backUp(t.Context(), r, d, opts)
	if err != nil {
		t.Fatal(err)
	}
	for _, prefix := range []string{"data/", "backups/", "jobs/"} {
		for _, key := range keysOf(t, store, prefix) {
			if !store.until[key].Equal(opts.RetainUntil) {
				t.Errorf("%s is protected until %v", key, store.until[key])
			}
		}
	}
	later := small()
	later.RetainUntil = opts.RetainUntil.Add(time.Hour)
	again, err := backUp(t.Context(), r, d, later)
	if err != nil || again.Counts.Stored > 0 {
		t.Fatalf("%+v, %v", again.Counts, err)
	}
	for _, key := range keysOf(t, store, "data/"+first.Run) {
		if !store.until[key].Equal(later.RetainUntil) {
			t.Errorf("%s, which was reused, is protected until %v", key, store.until[key])
		}
	}
	view, err := r.View(t.Context(), again.Run)
	if err != nil || !view.Manifest().Retain.Equal(later.RetainUntil) {
		t.Error(err)
	}
}

// Events come one at a time, and add up to the report, which names what holds the backup back.
func TestProgress(t *testing.T) {
	d := someOfEach(t)
	r, _, _ := repository(t)
	opts := small()
	kinds := map[backup.EventKind]int{}
	var last backup.Event
	opts.Progress = func(e backup.Event) {
		kinds[e.Kind]++
		last = e
	}
	report, err := backUp(t.Context(), r, d, opts)
	if err != nil {
		t.Fatal(err)
	}
	if kinds[backup.UnitBegun] != 3 || kinds[backup.UnitDone] != 3 || kinds[backup.Finished] != 1 ||
		kinds[backup.SegmentStored] != int(report.Counts.Segments) || last.Kind != backup.Finished {
		t.Errorf("%v", kinds)
	}
	if last.Counts.Documents != report.Counts.Documents || last.Counts.Stored != report.Counts.Stored ||
		last.Units != 3 {
		t.Errorf("%+v, and the report %+v", last, report.Counts)
	}
	if stage, share := report.HeldBack.By(); stage == "" || share <= 0 || share > 1 {
		t.Error(report.HeldBack)
	}
}

// A backup runs within a budget.
func TestBackupBudget(t *testing.T) {
	d := someOfEach(t)
	r, _, _ := repository(t)
	budget := stream.NewBudget(64 << 20)
	ctx := stream.WithBudget(t.Context(), budget)
	report, err := backUp(ctx, r, d, small())
	if err != nil || sameAsServer(t.Context(), r, d, report.Run) != nil {
		t.Error(err)
	}
	if used := budget.Used(); used != 0 {
		t.Errorf("%d bytes are in use", used)
	}
}

// No name of a database, collection or label, no content and no key is in the key of an object, and
// in what is not encrypted only names are.
func TestNothingShows(t *testing.T) {
	const secret = "canary"
	d := newDeployment(t)
	d.fill(t, "shopcanary", "orderscanary", 0, 900, 250)
	_, err := d.client.Database("shopcanary").Collection("orderscanary").Indexes().CreateOne(t.Context(),
		mongo.IndexModel{Keys: bson.D{{Key: secret, Value: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	d.Add("shop", "orders", mustRaw(bson.D{{Key: "_id", Value: secret}, {Key: secret, Value: secret}}))
	r, store, _ := repository(t)
	if _, err := backUp(t.Context(), r, d, small()); err != nil {
		t.Fatal(err)
	}
	for _, key := range keysOf(t, store, "") {
		if strings.Contains(key, secret) {
			t.Error(key)
		}
		body, err := stream.Run(t.Context(), store.Get(key, nil), sink.Slice[[]byte]())
		if err != nil {
			t.Fatal(err)
		}
		text := string(slices.Concat(body...))
		text = strings.ReplaceAll(strings.ReplaceAll(text, "shopcanary", ""), "orderscanary", "")
		if strings.Contains(text, secret) {
			t.Errorf("%s has a secret", key)
		}
	}
}
