package backup_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/signing"
	"github.com/millweir/millweir/mongotest"
)

// A collection that may not be read fails a backup, unless it may be missing. Then the report names it.
func TestUnauthorized(t *testing.T) {
	for _, command := range []string{"listIndexes", "find"} {
		for _, name := range []string{"orders", "cookies"} {
			d := newDeployment(t)
			d.fill(t, "shop", "orders", 0, 900, 250)
			d.fill(t, "shop", "cookies", 0, 3, 10)
			d.fill(t, "shop", "other", 0, 3, 10)
			d.Inject(mongotest.Fault{Command: command, Code: 13, If: func(c mongotest.Command) bool {
				target, _ := c.Body.Index(0).Value().StringValueOK()
				return target == name
			}})
			r, store, _ := repository(t)
			what := fmt.Sprintf("%s of %s", command, name)
			if _, err := backUp(t.Context(), r, d, small()); err == nil || len(keysOf(t, store, "backups/")) > 0 {
				t.Errorf("%s: a backup was made, %v", what, err)
			}
			opts := small()
			opts.AllowMissing = true
			report, err := backUp(t.Context(), r, d, opts)
			if err != nil || report.Counts.Collections != 2 || !strings.Contains(fmt.Sprint(report.Weaker), name) {
				t.Errorf("%s: %d collections, %q, %v", what, report.Counts.Collections, report.Weaker, err)
				continue
			}
			if err := sameAsServer(t.Context(), r, d, report.Run); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
}

// A writer that cannot read the catalogs of another one stores everything again.
func TestOtherWriter(t *testing.T) {
	d := newDeployment(t)
	d.fill(t, "shop", "orders", 0, 900, 250)
	_, store, me := repository(t)
	other := newPerson(t)
	first := backup.Keys{Sign: me.sign}
	second := backup.Keys{Sign: other.sign, Trust: []signing.PublicKey{me.sign.Public()}}
	reader := me.keys()
	reader.Trust = []signing.PublicKey{other.sign.Public()}
	for i, keys := range []backup.Keys{first, second} {
		r, err := backup.Open(t.Context(), store, keys)
		if err != nil {
			t.Fatal(err)
		}
		report, err := backUp(t.Context(), r, d, small())
		if err != nil || report.Counts.Reused > 0 {
			t.Fatalf("writer %d: %+v, %v", i, report.Counts, err)
		}
		all, err := backup.Open(t.Context(), store, reader)
		if err != nil {
			t.Fatal(err)
		}
		if err := sameAsServer(t.Context(), all, d, report.Run); err != nil {
			t.Error(err)
		}
	}
}
