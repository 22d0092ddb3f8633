package servers_test

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/integration/servers"
)

func TestCommand(t *testing.T) {
	var addr string
	err := servers.Command(t.Context(), "program", func(t testing.TB) {
		m := servers.FerretDB(t)
		addr = m.Addr()
		if _, err := m.Database(t).Collection("c").InsertOne(t.Context(), bson.D{}); err != nil {
			t.Fatal(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if c, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
		c.Close()
		t.Errorf("the server at %s is still there", addr)
	}
}

func TestCommandFails(t *testing.T) {
	t.Setenv("CI", "")
	cleaned, went := false, false
	err := servers.Command(t.Context(), "program", func(t testing.TB) {
		t.Cleanup(func() { cleaned = true })
		t.Error(errors.New("a first thing"))
		servers.Tool(t, "MILLWEIR_NO_SUCH", "no-such-server")
		went = true
	})
	if err == nil || !strings.Contains(err.Error(), "a first thing") ||
		!strings.Contains(err.Error(), "no-such-server is not here") {
		t.Errorf("the error is %v", err)
	}
	if !cleaned || went {
		t.Errorf("cleaned up: %v; went on: %v", cleaned, went)
	}
}
