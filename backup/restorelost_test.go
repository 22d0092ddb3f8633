package backup

import (
	"testing"
	"time"

	"github.com/millweir/millweir/internal/mongofixture"
	"github.com/millweir/millweir/mongotest"
)

// The lost reply to a rename does not fail a restore: the server is asked what it did.
func TestRestoreLostReply(t *testing.T) {
	r, _ := makeRepository(t)
	c := plainCollection(t, "shop", "orders", 10, 10)
	makeBackup(t, r, time.Now(), c)
	for nth := 1; nth <= 2; nth++ { // into the prepared collection, and into the target
		for _, fault := range []mongotest.Fault{{Lose: true}, {Close: true}, {Code: 91, Text: "shutdown in progress"}} {
			srv := mongotest.NewServer()
			client := mongofixture.Connect(t, srv)
			fault.Command, fault.Nth = "renameCollection", nth
			srv.Inject(fault)
			if _, err := Run(t.Context(), view(t, r, "").Restore(client, nil), 1); err != nil {
				t.Errorf("rename %d with %+v: %v", nth, fault, err)
			}
			checkShop(t, srv, []madeCollection{c})
			if all := names(t, srv); len(all) != 1 {
				t.Errorf("rename %d with %+v: %s", nth, fault, all)
			}
		}
	}
}
