package servers

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/FerretDB/FerretDB/ferretdb"
)

// FerretDB runs FerretDB v1 in the test's own process, over SQLite files. It is fast enough for a
// few thousand documents. It drops the connection on NaN, Decimal128, MinKey, MaxKey, code and
// symbol.
func FerretDB(t testing.TB) *Mongo {
	t.Helper()
	return own(t, newFerretDB(t))
}

func newFerretDB(t testing.TB) *Mongo {
	t.Helper()
	dir, err := os.MkdirTemp("", "millweir-ferretdb-")
	if err != nil {
		t.Fatal(err)
	}
	f := &ferret{dir: dir, addr: "127.0.0.1:0"}
	if err := f.start(); err != nil {
		f.close()
		t.Fatal(err)
	}
	used.add("FerretDB")
	return &Mongo{f}
}

// ferret is a FerretDB in this process.
type ferret struct {
	dir  string
	addr string
	log  logBuffer
	end  context.CancelFunc
	done chan struct{} // closed when it has ended
}

// Addr returns host:port.
func (f *ferret) Addr() string { return f.addr }

// Log returns its warnings and errors so far.
func (f *ferret) Log() string { return f.log.String() }

// Kill only closes its connections, because it runs in this process.
func (f *ferret) Kill(t testing.TB) {
	t.Helper()
	if f.end == nil {
		t.Fatal("ferretdb does not run")
	}
	f.stop()
}

// Restart starts it again, on the same directory and port.
func (f *ferret) Restart(t testing.TB) {
	t.Helper()
	f.stop()
	if err := f.start(); err != nil {
		t.Fatal(err)
	}
}

func (f *ferret) start() error {
	db, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: f.addr},
		Handler:   "sqlite",
		SQLiteURL: "file:" + f.dir + "/",
		Logger:    slog.New(slog.NewTextHandler(&f.log, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = db.Run(ctx)
	}()
	f.end, f.done = cancel, done
	uri := db.MongoDBURI() // waits until it listens
	if u, err := url.Parse(uri); err == nil {
		f.addr = u.Host
	}
	ready, stop := context.WithTimeout(context.Background(), startTime)
	defer stop()
	for {
		err := ping(ready, "mongodb://"+f.addr+"/")
		if err == nil {
			return nil
		}
		select {
		case <-ready.Done():
			return errors.Join(errors.New("ferretdb does not answer"), err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (f *ferret) stop() {
	if f.end == nil {
		return
	}
	f.end()
	<-f.done
	f.end = nil
}

func (f *ferret) show(t testing.TB) {
	t.Helper()
	f.log.showWhenFailed(t, "ferretdb")
}

func (f *ferret) close() {
	f.stop()
	_ = os.RemoveAll(f.dir)
}
