package servers

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// uriVariable names the server of [External].
const uriVariable = "MONGODB_URI"

// HasExternal reports whether the environment names a server for [External].
func HasExternal() bool { return os.Getenv(uriVariable) != "" }

// External returns the server that the environment variable MONGODB_URI names. The tests create
// databases there, and drop them.
func External(t testing.TB) *Mongo {
	t.Helper()
	e := &external{uri: os.Getenv(uriVariable)}
	c, err := mongo.Connect(options.Client().ApplyURI(e.uri).SetServerSelectionTimeout(10 * time.Second))
	if err != nil {
		t.Fatalf("%s: %v", uriVariable, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), startTime)
	defer cancel()
	defer func() { _ = c.Disconnect(context.WithoutCancel(ctx)) }()
	info, err := c.Database("admin").RunCommand(ctx, bson.D{{Key: "buildInfo", Value: 1}}).Raw()
	if err != nil {
		t.Fatalf("%s: %v", uriVariable, err)
	}
	elements, _ := info.Elements()
	for _, f := range elements {
		e.ferret = e.ferret || strings.HasPrefix(f.Key(), "ferretdb")
	}
	version, _ := info.Lookup("version").StringValueOK()
	used.add("the server of " + uriVariable + ", version " + version)
	return &Mongo{e}
}

// IsExternal reports whether the server is that of [External].
func (m *Mongo) IsExternal() bool {
	_, ok := m.server.(*external)
	return ok
}

// external is a server that somebody else runs.
type external struct {
	uri    string
	ferret bool
}

// Addr returns the first host of the URI.
func (e *external) Addr() string {
	_, hosts, _ := strings.Cut(e.uri, "://")
	hosts, _, _ = strings.Cut(hosts, "/")
	hosts = hosts[strings.LastIndex(hosts, "@")+1:]
	host, _, _ := strings.Cut(hosts, ",")
	return host
}

// Log returns nothing.
func (e *external) Log() string { return "" }

// Kill skips the test.
func (e *external) Kill(t testing.TB) {
	t.Helper()
	t.Skip("the server is not this test's to kill")
}

// Restart skips the test.
func (e *external) Restart(t testing.TB) {
	t.Helper()
	t.Skip("the server is not this test's to restart")
}

func (e *external) show(testing.TB) {}

func (e *external) close() {}
