package backup

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// slowStore is a store that waits before each byte stream, and after the last byte of a put.
type slowStore struct {
	Store
	get, put time.Duration
}

func (s slowStore) Get(key string, opts *GetOptions) stream.Source[[]byte] {
	return stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
		time.Sleep(s.get)
		return s.Store.Get(key, opts).Each(ctx, emit)
	})
}

func (s slowStore) Put(key string, opts *PutOptions) stream.Sink[[]byte, Object] {
	return stream.SinkFunc[[]byte, Object](func(ctx context.Context, src stream.Source[[]byte]) (Object, error) {
		o, err := s.Store.Put(key, opts).Consume(ctx, src)
		time.Sleep(s.put)
		return o, err
	})
}

// slowly returns a flow that takes its time for each element.
func slowly[T any](d time.Duration) stream.Flow[T, T] {
	return stream.Map(func(v T) T { time.Sleep(d); return v })
}

// slowSegment encodes documents as a backup does, and returns what held it back.
func slowSegment(t *testing.T, read, encode, put time.Duration) HeldBack {
	r, _ := makeRepository(t)
	r.store = slowStore{Store: r.store, put: put}
	w := &unitRun{
		backupJob: &backupJob{repo: r, run: newName(time.Now())},
		plan:      &plan{Collections: []planCollection{{}}, planHead: planHead{Encoding: BSONGzip}},
	}
	epoch, recipient, err := r.recipient(t.Context())
	if err != nil || epoch == "" {
		t.Fatal(err)
	}
	w.data = append(w.data, recipient)
	docs := stream.Via(source.Slice(numbers(t, 10)), slowly[bson.Raw](read))
	if encode == 0 {
		if _, err := w.storeSegment(t.Context(), 0, docs); err != nil {
			t.Fatal(err)
		}
		return w.meters.ofBackup()
	}
	slow := stream.Measure(&w.meters.work, stream.Map(func(doc bson.Raw) []byte { time.Sleep(encode); return doc }))
	if _, err := consume(t.Context(), &w.meters, stream.Via(docs, slow), r.store.Put("data/x", nil),
		nothing); err != nil {
		t.Fatal(err)
	}
	return w.meters.ofBackup()
}

// The stage that holds a job back is named, whichever it is.
func TestHeldBack(t *testing.T) {
	const slow, quick = 7 * time.Second, time.Second
	for name, c := range map[string]struct {
		of    func(t *testing.T) HeldBack
		stage string
		share float64
	}{
		"backup, source": {func(t *testing.T) HeldBack { return slowSegment(t, slow, 0, 30*quick) }, "source", 0.7},
		"backup, CPU":    {func(t *testing.T) HeldBack { return slowSegment(t, quick, slow, 20*quick) }, "CPU", 0.7},
		"backup, store":  {func(t *testing.T) HeldBack { return slowSegment(t, quick, 0, 10*slow) }, "store", 0.875},
		"verify, store": {func(t *testing.T) HeldBack {
			return slowJob(t, quick, func(v *View) Job { return v.Verify(Read, &VerifyOptions{NoProof: true}) })
		}, "store", 1},
		"copy, target": {func(t *testing.T) HeldBack {
			return slowJob(t, quick, func(v *View) Job {
				return v.Copy(slowStore{newMemStore(), slow, slow}, nil)
			})
		}, "target", 14. / 15},
		"copy, store": {func(t *testing.T) HeldBack {
			return slowJob(t, slow, func(v *View) Job { return v.Copy(slowStore{newMemStore(), 0, quick}, nil) })
		}, "store", 0.875},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := c.of(t)
				if stage, share := h.By(); stage != c.stage || share < c.share-0.01 || share > c.share+0.01 {
					t.Errorf("%v, and not %s, %.3f: %+v", h, c.stage, c.share, h)
				}
			})
		})
	}
	if h := (HeldBack{}); h.String() != "nothing" {
		t.Error(h)
	}
	if h := (HeldBack{CPU: 29 * time.Second, Store: 71 * time.Second}); h.String() != "store (71 % of the time)" {
		t.Error(h)
	}
}

// slowJob does a job that reads a backup from a slow store.
func slowJob(t *testing.T, get time.Duration, job func(*View) Job) HeldBack {
	r, _ := makeRepository(t)
	run := makeBackup(t, r, time.Now(), plainCollection(t, "shop", "orders", 10))
	v := view(t, r, run)
	v.repo.store = slowStore{Store: v.repo.store, get: get}
	report, err := Run(t.Context(), job(v), 1)
	if err != nil {
		t.Fatal(err)
	}
	return report.HeldBack
}

// A restore waits for its target: while documents are taken, after the last one, and when they are
// read back.
func TestHeldBackOfWriting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &meters{}
		docs := stream.Via2(source.Slice(numbers(t, 10)), slowly[bson.Raw](time.Second),
			stream.Measure(&m.work, slowly[bson.Raw](2*time.Second)))
		to := stream.SinkFunc[bson.Raw, int](func(ctx context.Context, src stream.Source[bson.Raw]) (int, error) {
			n, err := sink.ForEach(func(context.Context, bson.Raw) error { time.Sleep(3 * time.Second); return nil }).
				Consume(ctx, src)
			time.Sleep(time.Minute)
			return int(n), err
		})
		if _, err := consume(t.Context(), m, docs, to, func() time.Duration { return 20 * time.Second }); err != nil {
			t.Fatal(err)
		}
		want := HeldBack{Store: 10 * time.Second, CPU: 20 * time.Second, Target: 70 * time.Second}
		if h := m.ofWriting(); h != want {
			t.Errorf("%+v, and not %+v", h, want)
		}
	})
}
