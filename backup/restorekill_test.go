package backup

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millweir/millweir/internal/mongofixture"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/source/mongosource"
)

// changing are the commands of a restore after which the server is another one.
var changing = []string{"create", "insert", "createIndexes", "renameCollection", "drop", "createUser", "createRole"}

// killAtChange lets the client lose the server at its n-th changing command. The command is carried
// out if applied is true. Nothing reaches the server after that. It returns a function that reports
// whether the client came so far.
func killAtChange(srv *mongotest.Server, n int64, applied bool, kill func()) (killed func() bool) {
	var changes atomic.Int64
	dead := func(c mongotest.Command) bool { return changes.Load() > n }
	for _, command := range changing {
		srv.Inject(mongotest.Fault{Command: command, Close: !applied, Lose: applied, If: func(mongotest.Command) bool {
			if changes.Add(1) != n {
				return false
			}
			changes.Add(1) // before kill, after which the client may look
			kill()
			return true
		}})
		srv.Inject(mongotest.Fault{Command: command, Close: true, If: dead})
	}
	for _, command := range []string{"find", "getMore", "aggregate", "listCollections", "listIndexes", "killCursors"} {
		srv.Inject(mongotest.Fault{Command: command, Close: true, If: dead})
	}
	return func() bool { return changes.Load() > n }
}

// A restore that is killed at any change of the server, and is run again, ends in the same state as
// one that was not killed.
func TestRestoreKilled(t *testing.T) {
	r, _ := makeRepository(t)
	collections := shop(t)
	makeBackup(t, r, time.Now(), collections...)
	v := view(t, r, "")
	clean := mongotest.NewServer()
	if _, err := Run(t.Context(), v.Restore(mongofixture.Connect(t, clean), nil), 1); err != nil {
		t.Fatal(err)
	}
	want := names(t, clean)
	changes := int64(len(clean.Commands(changing...)))
	if changes < 15 {
		t.Fatalf("only %d changes", changes)
	}
	for n := int64(1); n <= changes; n++ {
		for name, applied := range map[string]bool{"before": false, "after": true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				srv := mongotest.NewServer()
				ctx, kill := context.WithCancel(t.Context())
				killed := killAtChange(srv, n, applied, kill)
				_, err := Run(ctx, v.Restore(mongofixture.Connect(t, srv), nil), 1)
				if err == nil || !killed() {
					t.Fatalf("change %d: %v", n, err)
				}
				srv.Heal()
				checkVisible(t, srv, collections)
				if _, err := Run(t.Context(), v.Restore(mongofixture.Connect(t, srv), nil), 2); err != nil {
					t.Fatalf("killed %s change %d and run again: %v", name, n, err)
				}
				checkShop(t, srv, collections)
				got := names(t, srv)
				if len(got) != len(want) {
					t.Errorf("killed %s change %d and run again: %s, want %s", name, n, got, want)
				}
				for i := range min(len(got), len(want)) {
					if got[i] != want[i] {
						t.Errorf("killed %s change %d and run again: %s, want %s", name, n, got[i], want[i])
					}
				}
			})
		}
	}
}

// checkVisible checks that what can be seen is complete, except for time series.
func checkVisible(t *testing.T, srv *mongotest.Server, collections []madeCollection) {
	t.Helper()
	for _, name := range names(t, srv) {
		for _, c := range collections {
			if c.kind != mongosource.KindTimeSeries && strings.HasPrefix(name, c.ns.String()+" ") {
				checkShop(t, srv, []madeCollection{c})
			}
		}
	}
}
