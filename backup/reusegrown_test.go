package backup_test

import (
	"testing"

	"github.com/millweir/millweir/mongotest"
)

// A range that has grown is not read to its end before it is stored again.
func TestReuseGrown(t *testing.T) {
	d := newDeployment(t)
	d.fill(t, "shop", "orders", 0, 500, 400)
	d.Inject(mongotest.Fault{Command: "getMore", Most: 100})
	r, _, _ := repository(t)
	if _, err := backUp(t.Context(), r, d, small()); err != nil {
		t.Fatal(err)
	}
	d.fill(t, "shop", "orders", 500, 10000, 400)
	before := len(d.Commands("getMore"))
	report, err := backUp(t.Context(), r, d, small())
	if err != nil || report.Counts.Reused == 0 || sameAsServer(t.Context(), r, d, report.Run) != nil {
		t.Errorf("%+v, %v", report.Counts, err)
	}
	const once = 10500 / 100 // each unit has a last reply, and the division reads some documents
	if n := len(d.Commands("getMore")) - before; n > once+once/4 {
		t.Errorf("%d requests for documents, and %d read all of them once", n, once)
	}
}

// A server forgets the time of a range while it is compared with the parent: it is stored again.
func TestReuseForgotten(t *testing.T) {
	d := newDeployment(t)
	d.fill(t, "shop", "orders", 0, 2000, 400)
	r, _, _ := repository(t)
	if _, err := backUp(t.Context(), r, d, small()); err != nil {
		t.Fatal(err)
	}
	d.Inject(mongotest.Fault{Command: "find", Most: 50})
	d.Inject(mongotest.Fault{Command: "getMore", Code: 239, Nth: 2})
	report, err := backUp(t.Context(), r, d, small())
	if err != nil || report.Counts.Stored == 0 || report.Counts.Reused == 0 {
		t.Fatalf("%+v, %v", report.Counts, err)
	}
	if err := sameAsServer(t.Context(), r, d, report.Run); err != nil {
		t.Error(err)
	}
}
