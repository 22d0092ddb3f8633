// Package embedded runs the servers of the examples and their tests inside the process: a
// MongoDB-compatible one and an S3 one. They need no installation. They are meant for a few
// thousand documents.
package embedded

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/FerretDB/FerretDB/ferretdb"
)

// Mongo is a running FerretDB v1 that keeps its data in a directory of SQLite files.
//
//   - It is fast enough for about 5,000 documents a collection, because a look-up by _id reads them
//     all.
//   - It drops the connection on NaN, Decimal128, MinKey, MaxKey, code and symbol.
type Mongo struct {
	URI string // for options.Client().ApplyURI

	stop context.CancelFunc
	done chan struct{}
}

// StartMongo starts a server on a free port of the loopback interface. Its files go into dir, which
// the caller removes after Stop.
func StartMongo(dir string) (*Mongo, error) {
	db, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: "127.0.0.1:0"},
		Handler:   "sqlite",
		SQLiteURL: "file:" + dir + "/",
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, fmt.Errorf("embedded: start FerretDB: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	m := &Mongo{stop: stop, done: make(chan struct{})}
	go func() {
		defer close(m.done)
		_ = db.Run(ctx) // always nil
	}()
	m.URI = db.MongoDBURI() // waits for the listener
	return m, nil
}

// Stop ends the server and waits until its files are closed.
func (m *Mongo) Stop() {
	m.stop()
	<-m.done
}
