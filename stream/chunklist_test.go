package stream

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// Each row runs steps on a list of chunks; see [listTest.do]. A chunk is shown as its elements and
// its state: w (waiting), t (taken) or d (done).
func TestChunkList(t *testing.T) {
	for _, tt := range []struct{ name, steps, want string }{
		{"empty", "take", ""},
		{"push", "push 1; push 2", "[1]w [2 3]w"},
		{"take the first", "push 2; push 1; take", "[1 2]t [3]w"},
		{"take when none waits", "push 1; take; take", "[1]t"},
		{"push after all are taken", "push 1; take; push 1; take; push 1", "[1]t [2]t [3]w"},

		{"finish", "push 2; take; finish 0", "[1 2]d"},
		{"emit the first", "push 1; push 1; take; take; finish 0; emit", "[2]t"},
		{"wait for the first", "push 1; push 1; take; take; finish 1; emit", "[1]t [2]d"},
		{"emit in any order", "push 1; push 1; take; take; finish 1; emitAny", "[1]t"},
		{"emit when none is done", "push 1; take; push 1; emitAny", "[1]t [2]w"},
		{
			"emit in any order after a split",
			"push 1; push 3; push 1; take; take; begin 1 2; split; emitAny; take; finish 1; emitAny", "[1]t [4]t [5]w",
		},
		{"emit, then take", "push 1; push 1; push 1; take; take; finish 0; emit; take", "[2]t [3]t"},

		{"split before the first element", "push 3; take; split", "[1 2 3]t"},
		{"split in the first element", "push 3; take; begin 0 1; split", "[1]t [2]w [3]w"},
		{"split in the middle", "push 3; take; begin 0 2; split", "[1]d [2]t [3]w"},
		{"split in the last element", "push 3; take; begin 0 3; split", "[1 2]d [3]t"},
		{"split twice", "push 3; take; begin 0 2; split; split", "[1]d [2]t [3]w"},
		{"split one element", "push 1; take; begin 0 1; split", "[1]t"},
		{"split a waiting chunk", "push 2; split", "[1 2]w"},
		{"split a chunk that is done", "push 2; take; finish 0; split", "[1 2]d"},
		{
			"split what is slow", "push 2; push 2; take; take; begin 0 1; begin 1 1; splitBefore 2",
			"[1]t [2]w [3 4]t",
		},
		{
			"split several", "push 2; push 3; push 1; take; take; begin 0 1; begin 1 2; split",
			"[1]t [2]w [3]d [4]t [5]w [6]w",
		},
		{
			"take the parts first", "push 3; push 1; take; begin 0 1; split; take; take",
			"[1]t [2]t [3]t [4]w",
		},
		{
			"take the parts of several in order",
			"push 2; push 2; push 1; take; take; begin 0 1; begin 1 1; split; take; take; take",
			"[1]t [2]t [3]t [4]t [5]t",
		},
		{
			"split a chunk after waiting parts",
			"push 2; push 2; take; take; begin 0 1; begin 1 1; splitBefore 2; split; take; take",
			"[1]t [2]t [3]t [4]t",
		},
		{"emit the results of a split chunk", "push 3; take; begin 0 2; split; emit; emit", "[2]t [3]w"},
		{"finish a split chunk", "push 3; take; begin 0 2; split; emit; finish 0; emit; take", "[3]t"},
		{
			"split the parts' neighbour at its end",
			"push 2; push 2; take; take; begin 0 2; finish 1; split; emit; finish 0; emit; emit", "",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := listTest{T: t}
			if strings.Contains(tt.steps, "emitAny") {
				l.order = anyOrder
			}
			for step := range strings.SplitSeq(tt.steps, "; ") {
				l.do(step)
				l.check(step)
			}
			if got := l.String(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// listTest is a list of chunks under test. Its elements are 1, 2, 3…; the result of v is -v.
type listTest struct {
	*testing.T
	chunkList[int, int]
	pushed, takes int
	emitted       []int
}

// do runs one step. The first number is an index of the list.
func (l *listTest) do(step string) {
	var verb string
	var i, n int
	_, _ = fmt.Sscan(step, &verb, &i, &n)
	switch verb {
	case "push": // i elements
		c := new(chunk[int, int])
		c.init(i)
		for j := range c.in {
			l.pushed++
			c.in[j] = l.pushed
		}
		c.fill.open(i)
		l.push(c)
	case "take": // the second chunk is taken a second after the first
		l.takes++
		l.takeNext(time.Unix(int64(l.takes), 0))
	case "begin": // the n-th element of a chunk; those before it are done
		l.work(l.all()[i], n)
	case "finish":
		c := l.all()[i]
		l.work(c, 1000)
		l.finish(c)
	case "split":
		l.splitSlow(time.Unix(int64(l.takes), 0))
	case "splitBefore": // the chunks taken before the i-th
		l.splitSlow(time.Unix(int64(i-1), 0))
	case "emit", "emitAny":
		l.emit()
	}
}

// all returns the chunks, those that have left the order at the end.
func (l *listTest) all() (all []*chunk[int, int]) {
	for _, first := range []*chunk[int, int]{l.chunks.first, l.results.first} {
		for c := first; c != nil; c = c.next {
			all = append(all, c)
		}
	}
	return all
}

// work calls next until n elements have been begun.
func (l *listTest) work(c *chunk[int, int], n int) {
	_, begun := halves(c.progress.word.Load())
	for ; begun < n; begun++ {
		if begun > 0 {
			c.out[begun-1] = -c.in[begun-1]
		}
		if _, ok := c.progress.next(); !ok {
			return
		}
	}
}

func (l *listTest) emit() {
	if c := l.done(); c != nil {
		l.remove(c)
		l.emitted = append(l.emitted, c.out[c.from:c.to]...)
		c.release()
		if slices.ContainsFunc(c.in, nonZero) || slices.ContainsFunc(c.out, nonZero) {
			l.Errorf("a used chunk holds %v, %v", c.in, c.out)
		}
	}
}

func nonZero(v int) bool { return v != 0 }

// elements returns the elements of c; if c is done, it derives them from the results.
func elements(c *chunk[int, int]) (vs []int) {
	switch word := int(c.fill.word.Load()); {
	case word > 0:
		return c.in[:word-1]
	case c.state != chunkDone:
		return c.in[c.from:c.to]
	}
	for _, u := range c.out[c.from:c.to] {
		vs = append(vs, -u)
	}
	return vs
}

// check checks the counters of the list, and that no element was lost or repeated.
func (l *listTest) check(step string) {
	var waiting *chunk[int, int]
	unclaimed, large := 0, 0
	var all []int
	for _, u := range l.emitted {
		all = append(all, -u)
	}
	for _, c := range l.all() {
		if c.state == chunkWaiting {
			unclaimed++
			waiting = cmp.Or(waiting, c)
		}
		if c.state == chunkTaken && c.large() {
			large++
		}
		if slices.ContainsFunc(c.out[:c.from], nonZero) {
			l.Errorf("%s: a split chunk still holds the results %v", step, c.out[:c.from])
		}
		all = append(all, elements(c)...)
	}
	if l.waiting != waiting || l.unclaimed != unclaimed || l.large != large {
		l.Errorf("%s: waiting is %p, unclaimed %d and large %d, want %p, %d and %d", step,
			l.waiting, l.unclaimed, l.large, waiting, unclaimed, large)
	}
	if n := len(l.all()); n != l.len() {
		l.Errorf("%s: len is %d, want %d", step, l.len(), n)
	}
	slices.Sort(all)
	for i := range l.pushed {
		if len(all) != l.pushed || all[i] != i+1 {
			l.Fatalf("%s: the elements are %v, want 1 to %d", step, all, l.pushed)
		}
	}
}

func (l *listTest) String() string {
	var chunks []string
	for _, c := range l.all() {
		chunks = append(chunks, fmt.Sprint(elements(c), "wtd"[c.state:c.state+1]))
	}
	return strings.Join(chunks, " ")
}
