package mongosource_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// cell is one kind of fault: how many scans met it, and how they ended.
type cell struct{ runs, whole, failed, short, wrong int }

// TestScanFaults cuts replies after any number of bytes, drops connections before and instead of a
// reply, slows replies down and loses cursors, at random commands of scans. It prints a table. With
// MILLWEIR_LONG there are 500 cuts.
func TestScanFaults(t *testing.T) {
	docs := everyID(t)
	cuts, others := 6, 2
	if os.Getenv("MILLWEIR_LONG") != "" {
		cuts, others = 250, 100
	}
	random := rand.New(rand.NewPCG(15, 6))
	reply := func(reset bool) func() mongotest.Fault {
		return func() mongotest.Fault { return mongotest.Fault{Cut: 1 + random.IntN(900), Reset: reset} }
	}
	one := func(f mongotest.Fault) func() mongotest.Fault { return func() mongotest.Fault { return f } }
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 1, ' ', 0)
	fmt.Fprintln(w, "fault\t| scans\t| complete\t| failed\t| short success\t| repeated or changed")
	for _, kind := range []struct {
		name  string
		runs  int
		fault func() mongotest.Fault
	}{
		{"reply cut after 1 to 900 bytes, FIN", cuts, reply(false)},
		{"reply cut after 1 to 900 bytes, RST", cuts, reply(true)},
		{"connection closed before the command", others, one(mongotest.Fault{Close: true})},
		{"connection closed instead of the reply", others, one(mongotest.Fault{Lose: true, Reset: true})},
		{"reply after 20 ms", others, one(mongotest.Fault{Delay: 20 * time.Millisecond})},
		{"CursorNotFound", others, one(mongotest.Fault{Code: 43})},
		{"SystemOverloadedError", others, one(mongotest.Fault{Code: 462, Labels: []string{"SystemOverloadedError"}})},
	} {
		var c cell
		for range kind.runs {
			f := kind.fault()
			f.Command = []string{"getMore", "getMore", "find", "listCollections"}[random.IntN(4)]
			f.Nth = 1 + random.IntN(12)
			if f.Command != "getMore" {
				f.Nth = 1
			}
			c.add(scanWith(t, docs, f))
		}
		fmt.Fprintf(w, "%s\t| %d\t| %d\t| %d\t| %d\t| %d\n", kind.name, c.runs, c.whole, c.failed, c.short, c.wrong)
		if c.whole != c.runs {
			t.Errorf("%s: %+v", kind.name, c)
		}
	}
	w.Flush()
	t.Log("\n" + table.String())
}

// scanWith scans docs with a fault.
func scanWith(t *testing.T, docs []bson.Raw, f mongotest.Fault) ([]bson.Raw, []bson.Raw, error) {
	t.Helper()
	srv, coll := serve(t, docs, func(o *options.ClientOptions) {
		o.SetServerSelectionTimeout(20 * time.Second)
	})
	srv.Inject(f)
	opts := &mongosource.ScanOptions{BatchSize: 3, Backoff: stream.Backoff{Min: time.Millisecond}}
	got, err := collect(t.Context(), mongosource.Scan(coll, bson.D{}, opts))
	return got, docs, err
}

// add counts a scan that emitted got instead of want, and ended with err.
func (c *cell) add(got, want []bson.Raw, err error) {
	c.runs++
	switch prefix := len(got) <= len(want) && equal(got, want[:len(got)]); {
	case !prefix:
		c.wrong++
	case err != nil:
		c.failed++
	case len(got) < len(want):
		c.short++
	default:
		c.whole++
	}
}
