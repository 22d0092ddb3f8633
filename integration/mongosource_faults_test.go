package integration_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/integration/servers"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// failCommand sets the failpoint failCommand. A server has only one; failOff removes it.
func failCommand(t testing.TB, m *servers.Mongo, mode any, data bson.D) {
	t.Helper()
	admin := m.Client(t).Database("admin")
	set := func(mode any, data bson.D) error {
		return admin.RunCommand(t.Context(), bson.D{
			{Key: "configureFailPoint", Value: "failCommand"}, {Key: "mode", Value: mode}, {Key: "data", Value: data},
		}).Err()
	}
	if err := set(mode, data); err != nil {
		t.Fatal(err)
	}
}

func failOff(t testing.TB, m *servers.Mongo) {
	t.Helper()
	failCommand(t, m, "off", bson.D{})
}

// read runs a source and returns the documents and the error.
func read(t testing.TB, coll mongosource.Finder, batch int, at func(n int)) ([]bson.Raw, error) {
	t.Helper()
	var got []bson.Raw
	err := mongosource.Find(coll, bson.D{}, &mongosource.FindOptions{
		BatchSize: batch,
		Sort:      bson.D{{Key: "_id", Value: 1}},
	}).Each(t.Context(), func(d bson.Raw) error {
		got = append(got, d)
		if at != nil {
			at(len(got))
		}
		return nil
	})
	return got, err
}

// wholeOrError fails the test if a scan succeeded without all documents of want, or if got is not a
// prefix of want.
func wholeOrError(t testing.TB, got, want []bson.Raw, err error) {
	t.Helper()
	if err == nil && len(got) != len(want) {
		t.Errorf("a short success: %d documents of %d", len(got), len(want))
	}
	if len(got) > len(want) {
		t.Fatalf("%d documents of %d", len(got), len(want))
	}
	for i := range got {
		if !bytes.Equal(got[i], want[i]) {
			t.Fatalf("document %d is %s, want %s", i, abbreviate(got[i]), abbreviate(want[i]))
		}
	}
}

func TestFindFailures(t *testing.T) {
	m := servers.SecantusDB(t)
	coll := m.Database(t).Collection("c")
	want := plain(t, 100, 100)
	load(t, coll, want)
	times := func(n int) bson.D { return bson.D{{Key: "times", Value: n}} }

	const closed = -1 // in place of an error code: close the connection
	for _, code := range []int{closed, 6, 7, 89, 9001, 262, 43, 175, 237, 239, 13, 96} {
		data := bson.D{{Key: "errorCode", Value: code}}
		if code == closed {
			data = bson.D{{Key: "closeConnection", Value: true}}
		}
		for _, at := range []struct {
			command string
			before  int // documents before the failure
			mode    any
		}{
			{"find", 0, "alwaysOn"},
			{"getMore", 10, times(1)},
			{"getMore", 50, bson.D{{Key: "skip", Value: 4}, {Key: "times", Value: 1}}},
			{"getMore", 90, bson.D{{Key: "skip", Value: 8}, {Key: "times", Value: 1}}},
		} {
			t.Run(fmt.Sprintf("%d at %s after %d", code, at.command, at.before), func(t *testing.T) {
				failCommand(t, m, at.mode, append(bson.D{{Key: "failCommands", Value: bson.A{at.command}}}, data...))
				defer failOff(t, m)
				got, err := read(t, coll, 10, nil)
				if err == nil {
					t.Error("no error")
				}
				wholeOrError(t, got, want, err)
				if len(got) != at.before {
					t.Errorf("%d documents before the failure, want %d", len(got), at.before)
				}
				var server mongo.ServerError
				switch {
				case !errors.As(err, &server):
					t.Errorf("the error is not the driver's: %v", err)
				case code == closed && !mongo.IsNetworkError(err):
					t.Errorf("a closed connection is reported as %v", err)
				case code != closed && !server.HasErrorCode(code):
					t.Errorf("code %d is reported as %v", code, err)
				}
				if lost := code == 43 || code == 237; errors.Is(err, mongosource.ErrCursorLost) != lost {
					t.Errorf("code %d: ErrCursorLost is %v: %v", code, !lost, err)
				}
			})
		}
	}
	t.Run("a first request that fails once is repeated", func(t *testing.T) {
		failCommand(t, m, times(1), bson.D{
			{Key: "failCommands", Value: bson.A{"find"}},
			{Key: "closeConnection", Value: true},
		})
		defer failOff(t, m)
		got, err := read(t, coll, 10, nil)
		if err != nil {
			t.Error(err)
		}
		wholeOrError(t, got, want, err)
	})
	t.Run("a server slower than MaxTime", func(t *testing.T) {
		failCommand(t, m, "alwaysOn", bson.D{
			{Key: "failCommands", Value: bson.A{"getMore"}},
			{Key: "blockConnection", Value: true},
			{Key: "blockTimeMS", Value: 2000},
		})
		defer failOff(t, m)
		n := 0
		err := mongosource.Find(coll, bson.D{},
			&mongosource.FindOptions{BatchSize: 10, MaxTime: 200 * time.Millisecond}).
			Each(t.Context(), func(bson.Raw) error { n++; return nil })
		// On a busy machine the first batch may take longer than MaxTime too.
		if !errors.Is(err, mongosource.ErrMaxTime) || n != 0 && n != 10 {
			t.Errorf("after %d documents: %v", n, err)
		}
	})
}

func TestFindWhileTheCollectionGoes(t *testing.T) {
	m := servers.Shared.SecantusDB(t)
	for name, f := range map[string]func(coll *mongo.Collection) error{
		"dropped": func(coll *mongo.Collection) error { return coll.Drop(t.Context()) },
		"renamed": func(coll *mongo.Collection) error {
			from := coll.Database().Name() + "." + coll.Name()
			return coll.Database().Client().Database("admin").RunCommand(t.Context(),
				bson.D{{Key: "renameCollection", Value: from}, {Key: "to", Value: from + "2"}}).Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			coll := m.Database(t).Collection("c")
			want := plain(t, 100, 100)
			load(t, coll, want)
			got, err := read(t, coll, 10, func(n int) {
				if n == 25 {
					if err := f(coll); err != nil {
						t.Error(err)
					}
				}
			})
			if err == nil {
				t.Error("no error")
			}
			wholeOrError(t, got, want, err)
		})
	}
}

// TestFindServerKilled kills the server, as kill -9 does, while the scan is in the middle of a
// batch.
func TestFindServerKilled(t *testing.T) {
	t.Parallel()
	m := servers.SecantusDB(t)
	coll := m.Database(t).Collection("c")
	want := plain(t, 5000, 200)
	load(t, coll, want)
	got, err := read(t, coll, 1000, func(n int) {
		if n == 1500 {
			m.Kill(t)
		}
	})
	if err == nil || !stream.ClassOf(err).Transient() {
		t.Errorf("a killed server is reported as %v", err)
	}
	if n := len(got); n != 2000 && n != 3000 { // the source reads one batch ahead
		t.Errorf("%d documents, want the 2000 or 3000 of the batches that came", n)
	}
	wholeOrError(t, got, want, err)
	m.Restart(t)
	got, err = read(t, coll, 1000, nil)
	if err != nil {
		t.Errorf("after the restart: %v", err)
	}
	wholeOrError(t, got, want, err)
}

// TestFindConnectionCut cuts the connection at many offsets of the replies. A scan may succeed only
// if the driver repeated the first request.
func TestFindConnectionCut(t *testing.T) {
	m := servers.Shared.SecantusDB(t)
	want := plain(t, 300, 300)
	db := m.Database(t)
	load(t, db.Collection("c"), want)
	failed := 0
	for i := range 40 {
		p := servers.NewProxy(t, m.Addr())
		client := m.Client(t,
			options.Client().SetHosts([]string{p.Addr()}).SetDirect(true).SetHeartbeatInterval(time.Hour))
		coll := client.Database(db.Name()).Collection("c")
		reached := p.HoldDown(int64(500 + i*3000))
		ended, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			select {
			case <-reached:
			case <-ended: // the scan ended before that offset
				return
			}
			if i%2 == 0 {
				p.Reset()
			} else {
				p.Cut()
			}
			p.Release() // not before: a fast scan would end uncut
		}()
		got, err := read(t, coll, 40, nil)
		close(ended)
		<-done
		if err != nil {
			failed++
		}
		wholeOrError(t, got, want, err)
	}
	if failed < 10 {
		t.Errorf("only %d of the cut scans failed: the test cuts at the wrong places", failed)
	}
}
