package servers

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Mongo is a server that speaks MongoDB's protocol.
type Mongo struct {
	server
}

// IsFerretDB reports whether the server is FerretDB, which does not store every type.
func (m *Mongo) IsFerretDB() bool {
	if e, ok := m.server.(*external); ok {
		return e.ferret
	}
	_, ok := m.server.(*ferret)
	return ok
}

// URI returns the connection string.
func (m *Mongo) URI() string {
	if e, ok := m.server.(*external); ok {
		return e.uri
	}
	return "mongodb://" + m.Addr() + "/"
}

// Client returns a client that is disconnected when the test ends. The options may add to it; a URI
// among them replaces the address.
func (m *Mongo) Client(t testing.TB, opts ...*options.ClientOptions) *mongo.Client {
	t.Helper()
	selection := 5 * time.Second
	if m.IsSecantusPy() {
		selection = time.Minute // it is slow on a busy machine
	}
	base := options.Client().ApplyURI(m.URI()).SetServerSelectionTimeout(selection)
	c, err := mongo.Connect(append([]*options.ClientOptions{base}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Disconnect(context.Background()) })
	return c
}

// Database returns a database that only this test uses. It is dropped when the test ends, if the
// server still answers.
func (m *Mongo) Database(t testing.TB, opts ...*options.ClientOptions) *mongo.Database {
	t.Helper()
	db := m.Client(t, opts...).Database(unique(t, "_", 40))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_ = db.Drop(ctx)
	})
	return db
}

// ping returns nil if the server at uri replies.
func ping(ctx context.Context, uri string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	c, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		return err
	}
	defer func() { _ = c.Disconnect(context.WithoutCancel(ctx)) }()
	err = c.Ping(ctx, nil)
	if command := (mongo.CommandError{}); errors.As(err, &command) && command.Code != 0 {
		return nil // the server replied, although it denied the command
	}
	return err
}

// unique returns a unique name derived from the test's. It consists of lower-case letters, digits
// and sep, and has at most n bytes.
func unique(t testing.TB, sep string, n int) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return ' '
	}, strings.ToLower(t.Name()))
	name = strings.Join(strings.Fields(name), sep)
	tail := "t" + strings.ToLower(rand.Text()[:8])
	return strings.TrimRight(name[:min(len(name), n-len(tail)-len(sep))], sep) + sep + tail
}
