package integration_test

import (
	"errors"
	"os"
	"testing"

	"github.com/millweir/millweir/integration/servers"
)

func TestMain(m *testing.M) {
	code := servers.Main(m)
	if programs.dir != "" {
		_ = os.RemoveAll(programs.dir)
	}
	os.Exit(code)
}

// errTest is the failure of a user's own stage.
var errTest = errors.New("the test's own failure")

// eachMongo runs f with every MongoDB server, and with that of MONGODB_URI if it is set. The tests
// share the servers.
func eachMongo(t *testing.T, f func(t *testing.T, m *servers.Mongo)) {
	t.Helper()
	t.Run("SecantusDB", func(t *testing.T) { f(t, servers.Shared.SecantusDB(t)) })
	t.Run("FerretDB", func(t *testing.T) { f(t, servers.Shared.FerretDB(t)) })
	t.Run("SecantusDB in Python", func(t *testing.T) { f(t, servers.Shared.SecantusPy(t)) })
	if servers.HasExternal() {
		t.Run("MONGODB_URI", func(t *testing.T) { f(t, servers.External(t)) })
	}
}

// eachOwnS3 runs f with a new S3 server of each kind, in parallel.
func eachOwnS3(t *testing.T, f func(t *testing.T, s *servers.S3)) {
	t.Helper()
	t.Run("versitygw", func(t *testing.T) { t.Parallel(); f(t, servers.Versitygw(t)) })
	t.Run("MinIO", func(t *testing.T) { t.Parallel(); f(t, servers.MinIO(t)) })
}

// eachS3 runs f with every S3 server. The tests share the servers.
func eachS3(t *testing.T, f func(t *testing.T, s *servers.S3)) {
	t.Helper()
	t.Run("versitygw", func(t *testing.T) { f(t, servers.Shared.Versitygw(t)) })
	t.Run("MinIO", func(t *testing.T) { f(t, servers.Shared.MinIO(t)) })
}
