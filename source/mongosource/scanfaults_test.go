package mongosource_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// cell is one kind of fault: how many scans met it, and how they ended.
type cell struct{ runs, whole, failed, short, wrong int }

// faultKind is a row of the table: a fault, and the commands that it may meet.
type faultKind struct {
	name     string
	runs     int
	fault    func() mongotest.Fault
	commands []string
	kill     bool // another client kills the cursors while the downstream is busy
}

// faultKinds returns the rows of the table. cuts and others are the numbers of scans of a row.
func faultKinds(random *rand.Rand, cuts, others int) []faultKind {
	anywhere := []string{"getMore", "getMore", "find", "listCollections"}
	reply := func(reset bool) func() mongotest.Fault {
		return func() mongotest.Fault { return mongotest.Fault{Cut: 1 + random.IntN(900), Reset: reset} }
	}
	one := func(f mongotest.Fault) func() mongotest.Fault { return func() mongotest.Fault { return f } }
	codes := []int32{
		6, 7, 43, 50, 89, 91, 112, 134, 189, 237, 246, 262, 9001, 10107, 11600, 11602, 13435, 13436,
	}
	next := -1
	code := func() mongotest.Fault { next++; return mongotest.Fault{Code: codes[next%len(codes)]} }
	kinds := []faultKind{
		{"reply cut after 1 to 900 bytes, FIN", cuts, reply(false), anywhere, false},
		{"reply cut after 1 to 900 bytes, RST", cuts, reply(true), anywhere, false},
		{"connection closed before the command", others, one(mongotest.Fault{Close: true}), anywhere, false},
		{
			"connection closed instead of the reply", others, one(mongotest.Fault{Lose: true, Reset: true}), anywhere,
			false,
		},
		{"reply after 20 ms", others, one(mongotest.Fault{Delay: 20 * time.Millisecond}), anywhere, false},
		{"CursorNotFound", others, one(mongotest.Fault{Code: 43}), anywhere, false},
		{
			"SystemOverloadedError", others,
			one(mongotest.Fault{Code: 462, Labels: []string{"SystemOverloadedError"}}), anywhere, false,
		},
		{"CursorNotFound at every batch", others, one(mongotest.Fault{Code: 43}), []string{"every getMore"}, false},
		{"cursors killed while the downstream is busy", others, nil, nil, true},
	}
	for _, place := range []string{"find", "first getMore", "getMore", "listCollections"} {
		runs := max(others/len(codes)*len(codes), 1)
		kinds = append(kinds, faultKind{"18 codes: " + place, runs, code, []string{place}, false})
	}
	return kinds
}

// TestScanFaults cuts replies after any number of bytes, drops connections before and instead of a
// reply, slows replies down, loses cursors and sends errors, at random commands of scans and of splits
// that read three ranges at once. It prints a table. With MILLWEIR_LONG there are 500 cuts of each.
func TestScanFaults(t *testing.T) {
	docs := everyID(t)
	cuts, others := 4, 1
	if os.Getenv("MILLWEIR_LONG") != "" {
		cuts, others = 250, 18
	}
	random := rand.New(rand.NewPCG(15, 6))
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 1, ' ', 0)
	fmt.Fprintln(w, "fault\t| scans\t| splits\t| complete\t| failed\t| short success\t| repeated or changed")
	for _, kind := range faultKinds(random, cuts, others) {
		var c cell
		t.Run(kind.name, func(t *testing.T) { c = kind.try(t, random, docs) }) // closes its servers
		fmt.Fprintf(w, "%s\t| %d\t| %d\t| %d\t| %d\t| %d\t| %d\n", kind.name, c.runs/2, c.runs/2, c.whole, c.failed,
			c.short, c.wrong)
		if c.whole != c.runs {
			t.Errorf("%s: %+v", kind.name, c)
		}
	}
	w.Flush()
	t.Log("\n" + table.String())
}

// try reads docs with the faults of a kind, eight times at once: the driver waits for half a second after
// some of them.
func (k faultKind) try(t *testing.T, random *rand.Rand, docs []bson.Raw) (c cell) {
	t.Helper()
	type attempt struct {
		fault mongotest.Fault
		split bool
	}
	var all []attempt
	for range k.runs {
		for _, split := range []bool{false, true} {
			a := attempt{split: split}
			if k.fault != nil {
				a.fault = k.fault()
				a.fault.Command, a.fault.Nth = place(random, k.commands)
			}
			all = append(all, a)
		}
	}
	var mu sync.Mutex
	_, err := stream.Run(t.Context(), stream.Via(source.Slice(all), stream.MapParallel(8,
		func(_ context.Context, a attempt) (struct{}, error) {
			got, want, err := scanWith(t, docs, a.split, a.fault, k.kill)
			mu.Lock()
			defer mu.Unlock()
			c.add(got, want, err)
			return struct{}{}, nil
		})), sink.Discard[struct{}]())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// place returns a command and which of its kind is to fail.
func place(random *rand.Rand, commands []string) (command string, nth int) {
	switch c := commands[random.IntN(len(commands))]; c {
	case "every getMore":
		return "getMore", 0
	case "first getMore":
		return "getMore", 1
	case "getMore":
		return c, 1 + random.IntN(12)
	default:
		return c, 1
	}
}

// scanWith reads docs with a fault, by a scan or by a split. It returns them in order. If kill is set,
// the server forgets its cursors twice.
func scanWith(t *testing.T, docs []bson.Raw, split bool, f mongotest.Fault, kill bool) (got, want []bson.Raw,
	err error,
) {
	t.Helper()
	srv, coll := serve(t, docs, func(o *options.ClientOptions) {
		o.SetServerSelectionTimeout(20 * time.Second)
	})
	if !kill {
		srv.Inject(f)
	}
	backoff := stream.Backoff{Min: time.Millisecond}
	src := mongosource.Scan(coll, bson.D{}, &mongosource.ScanOptions{BatchSize: 3, Backoff: backoff})
	if split {
		opts := divided(3, 6)
		opts.Order, opts.Consistency = mongosource.AsTheyCome, mongosource.Instant
		src = mongosource.Split(coll, bson.D{}, opts)
	}
	err = src.Each(t.Context(), func(doc bson.Raw) error {
		if got = append(got, doc); kill && len(got)%15 == 5 {
			srv.ForgetCursors()
		}
		return nil
	})
	if split {
		got = sorted(got)
	}
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
