package mongosource_test

import (
	"errors"
	"fmt"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// at are the options of a split with a consistency.
func at(c mongosource.Consistency, parallelism, ranges int) *mongosource.SplitOptions {
	opts := divided(parallelism, ranges)
	opts.Consistency = c
	return opts
}

// While a client writes after each document, an instant split reads the documents of its beginning:
// all ranges at the same time.
func TestSplitInstant(t *testing.T) {
	docs := numbered(t, 60)
	for _, order := range []mongosource.SplitOrder{mongosource.InOrder, mongosource.AsTheyCome} {
		srv, coll := serve(t, docs)
		srv.Inject(mongotest.Fault{Command: "getMore", Nth: 3, Code: 43}) // a range resumes at the same time
		opts := at(mongosource.Instant, 3, 6)
		opts.Order = order
		var report mongosource.SplitReport
		opts.Report = func(r mongosource.SplitReport) { report = r }
		n := 0
		err := mongosource.Split(coll, bson.D{}, opts).Each(t.Context(), func(doc bson.Raw) error {
			if doc.Lookup("_id").Type == bson.TypeDouble {
				t.Errorf("%s was inserted during the split", doc)
			}
			n++
			_, err := coll.InsertOne(t.Context(), bson.D{{Key: "_id", Value: float64(n) + 0.5}})
			return err
		})
		if err != nil || n != len(docs) || report.Consistency != mongosource.Instant {
			t.Errorf("order %d: %d documents, %v, %v", order, n, report.Consistency, err)
		}
		for _, r := range report.Ranges {
			if r.At == (bson.Timestamp{}) || r.At != report.Ranges[0].At {
				t.Errorf("a range was read at %v, the first one at %v", r.At, report.Ranges[0].At)
			}
		}
		if len(report.Ranges) == 0 {
			continue
		}
		// the time of a report is that of another split
		again := at(mongosource.Instant, 1, 1)
		again.At = report.Ranges[0].At
		got, err := collect(t.Context(), mongosource.Split(coll, bson.D{}, again))
		if err != nil || !equal(got, docs) {
			t.Errorf("order %d, at the same time: %d documents, %v", order, len(got), err)
		}
	}
}

// Each range is read at the time when it begins.
func TestSplitPerRange(t *testing.T) {
	srv, coll := serve(t, numbered(t, 40))
	opts := at(mongosource.PerRange, 1, 4)
	var report mongosource.SplitReport
	opts.Report = func(r mongosource.SplitReport) { report = r }
	var ids []int64
	err := mongosource.Split(coll, bson.D{}, opts).Each(t.Context(), func(doc bson.Raw) error {
		ids = append(ids, doc.Lookup("_id").AsInt64())
		if len(ids) == 5 { // in the first range: seen by the last one only
			srv.Add("shop", coll.Name(), raw(t, bson.D{{Key: "_id", Value: 8.5}}),
				raw(t, bson.D{{Key: "_id", Value: 100}}))
		}
		return nil
	})
	if err != nil || len(ids) != 41 || ids[40] != 100 || report.Consistency != mongosource.PerRange {
		t.Errorf("%v, %v, %v", ids, report.Consistency, err)
	}
	for i, r := range report.Ranges[1:] {
		if r.At == (bson.Timestamp{}) || (r.At == report.Ranges[0].At) {
			t.Errorf("range %d was read at %v, the first one at %v", i+1, r.At, report.Ranges[0].At)
		}
	}
}

// A server that accepts snapshots and ignores them is found out before the first document, also if
// nothing is written meanwhile. Fuzzy reads are used if they are allowed.
func TestSplitSnapshotsIgnored(t *testing.T) {
	docs := numbered(t, 20)
	for _, silent := range []bool{false, true} {
		for _, c := range []mongosource.Consistency{mongosource.PerRange, mongosource.Instant} {
			for _, past := range []bool{false, true} {
				if past && c != mongosource.Instant {
					continue
				}
				srv, coll := serve(t, docs)
				srv.IgnoreSnapshots(silent)
				opts := at(c, 2, 4)
				if past {
					opts.At = srv.Now()
				}
				got, err := collect(t.Context(), mongosource.Split(coll, bson.D{}, opts))
				if len(got) > 0 || !errors.Is(err, mongosource.ErrNoSnapshot) || stream.ClassOf(err) != stream.Fatal {
					t.Errorf("%v, silent %v: %d documents, %v", c, silent, len(got), err)
				}
				opts.AllowFuzzy = true
				reached := c
				opts.Report = func(r mongosource.SplitReport) { reached = r.Consistency }
				got, err = collect(t.Context(), mongosource.Split(coll, bson.D{}, opts))
				if err != nil || !equal(got, docs) || reached != mongosource.Fuzzy {
					t.Errorf("%v, silent %v, fuzzy: %d documents, %v, %v", c, silent, len(got), reached, err)
				}
			}
		}
	}
}

// A server that refuses snapshots, as a standalone one does, is the same. A missing right is not, and
// neither is any other error.
func TestSplitSnapshotsRefused(t *testing.T) {
	for code, want := range map[int32]bool{
		20: true, 72: true, 115: true, 123: true, 148: true, 238: true, 263: true, 303: true,
		2: false, 13: false, 18: false, 26: false, 96: false, 99999: false,
	} {
		srv, coll := serve(t, numbered(t, 20))
		srv.Inject(mongotest.Fault{Command: "find", Code: code, If: contains("snapshot")})
		got, err := collect(t.Context(), mongosource.Split(coll, bson.D{}, at(mongosource.Instant, 2, 4)))
		if len(got) > 0 || err == nil || errors.Is(err, mongosource.ErrNoSnapshot) != want {
			t.Errorf("code %d: %d documents, %v", code, len(got), err)
		}
		fuzzy := at(mongosource.Instant, 2, 4)
		fuzzy.AllowFuzzy = true
		if got, err := collect(t.Context(), mongosource.Split(coll, bson.D{}, fuzzy)); want != (len(got) == 20) ||
			want != (err == nil) {
			t.Errorf("code %d, fuzzy: %d documents, %v", code, len(got), err)
		}
	}
}

// A server that begins to ignore the time during a split is found out at the end of a range.
func TestSplitSnapshotsIgnoredLater(t *testing.T) {
	for _, at1 := range []int{1, 20} { // ranges end after that
		srv, coll := serve(t, numbered(t, 40))
		n := 0
		err := mongosource.Split(coll, bson.D{}, at(mongosource.Instant, 2, 4)).Each(t.Context(), func(bson.Raw) error {
			if n++; n == at1 {
				srv.IgnoreSnapshots(false)
				srv.Add("shop", coll.Name(), raw(t, bson.D{{Key: "_id", Value: -1}}))
			}
			return nil
		})
		if !errors.Is(err, mongosource.ErrNoSnapshot) {
			t.Errorf("at document %d: %d documents, %v", at1, n, err)
		}
	}
}

// A snapshot that the server no longer has ends the run: at a stored time before the first document,
// otherwise when the next batch is missing.
func TestSplitSnapshotTooOld(t *testing.T) {
	srv, coll := serve(t, numbered(t, 60))
	old := srv.Now()
	for _, at1 := range []int{0, 1, 30} {
		opts := at(mongosource.Instant, 2, 4)
		if at1 == 0 {
			srv.ForgetSnapshots()
			opts.At = old
		}
		n := 0
		err := mongosource.Split(coll, bson.D{}, opts).Each(t.Context(), func(bson.Raw) error {
			if n++; n == at1 {
				srv.ForgetSnapshots()
			}
			return nil
		})
		if !errors.Is(err, mongosource.ErrSnapshotTooOld) || stream.ClassOf(err) != stream.Fatal || n == 60 ||
			at1 == 0 && n > 0 {
			t.Errorf("at document %d: %d documents, %v", at1, n, err)
		}
	}
}

// A snapshot is read again after faults that pass.
func TestSplitSnapshotResumes(t *testing.T) {
	docs := numbered(t, 40)
	for nth := 1; nth < 12; nth++ {
		f := mongotest.Fault{Command: "find", Nth: nth, Code: 246}
		if nth%4 == 2 { // the driver waits for half a second after this
			f = mongotest.Fault{Command: "find", Nth: nth, Close: true}
		}
		t.Run(fmt.Sprint("find ", nth), func(t *testing.T) {
			t.Parallel()
			srv, coll := serve(t, docs)
			srv.Inject(f)
			f.Nth++ // the driver repeats some
			srv.Inject(f)
			got, err := collect(t.Context(), mongosource.Split(coll, bson.D{}, at(mongosource.Instant, 2, 3)))
			if err != nil || !equal(got, docs) {
				t.Errorf("%d documents, %v", len(got), err)
			}
		})
	}
}

// Without an option, a scan and a split read what a majority of the servers has.
func TestReadConcernOfAScan(t *testing.T) {
	srv, coll := serve(t, numbered(t, 9))
	for name, src := range map[string]stream.Source[bson.Raw]{
		"scan":  mongosource.Scan(coll, bson.D{}, nil),
		"split": mongosource.Split(coll, bson.D{}, divided(2, 3)),
	} {
		before := len(srv.Commands("find"))
		if _, err := collect(t.Context(), src); err != nil {
			t.Fatal(err)
		}
		for _, c := range srv.Commands("find")[before:] {
			if level := c.Body.Lookup("readConcern", "level"); level.String() != `"majority"` {
				t.Errorf("%s: a find with the read concern %s", name, level)
			}
		}
	}
}

func TestConsistencyString(t *testing.T) {
	text := fmt.Sprint(mongosource.Fuzzy, mongosource.PerRange, mongosource.Instant, mongosource.Consistency(7))
	if text != "fuzzy per range instant Consistency(7)" {
		t.Error(text)
	}
}
