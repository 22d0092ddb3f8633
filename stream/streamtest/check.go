package streamtest

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// rules holds the headings of the contract in package stream's documentation.
var rules = map[int]string{
	0:  "words",
	1:  "goroutines",
	2:  "backpressure",
	3:  "emit",
	4:  "errors",
	5:  "early end",
	6:  "nil means complete",
	7:  "cancel",
	8:  "ownership",
	9:  "a stage is a description",
	10: "panics",
}

// check is one named check in progress: a subtest, in its own synctest bubble unless it runs on the
// wall clock.
type check struct {
	*testing.T
	wall   bool
	kind   string
	idle   []string      // functions of pools, whose goroutines may stay
	tick   time.Duration // a short time
	limit  time.Duration // a run that takes longer counts as hanging
	second time.Duration // the second that rule 7 allows; longer on the wall clock
	breaks bool          // a neighbour panics or ends its goroutine

	mu       sync.Mutex
	over     bool
	step     string // current step of the check, for messages
	reported map[string]bool
}

// try runs f as the subtest name.
func (s *suite[I, O]) try(t *testing.T, name string, f func(c *check)) bool {
	t.Helper()
	return t.Run(name, func(t *testing.T) {
		t.Helper()
		c := &check{T: t, wall: s.wallClock, kind: s.kind, idle: s.idle, reported: map[string]bool{}}
		body := func(t *testing.T) {
			c.T = t
			defer c.end()
			f(c)
		}
		if c.wall {
			c.tick, c.limit, c.second = time.Millisecond, 20*time.Second, 2*time.Second
			body(t)
			return
		}
		c.tick, c.limit, c.second = 10*time.Millisecond, time.Hour, time.Second
		defer func() {
			if v := recover(); v != nil {
				c.T = t
				c.over = false
				c.breach(1, "goroutines are still blocked after every run returned and its context was cancelled (%v)",
					v)
			}
		}()
		defer time.AfterFunc(alarm, c.stuck).Stop()
		synctest.Test(t, body)
	})
}

// alarm is the wall-clock time after which a check in a bubble counts as stuck. The bubble's own
// time does not advance while a goroutine spins or waits for a mutex.
var alarm = 4 * time.Minute

// stuck ends the test binary, because a stuck goroutine cannot be ended.
func (c *check) stuck() {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	c.mu.Lock()
	defer c.mu.Unlock()
	panic(fmt.Sprintf("streamtest: %s: rule 1 (%s): %s: it does not return: "+
		"after %v of the world's time it spins, or waits for a mutex that another run holds\n\n%s",
		c.Name(), rules[1], c.step, alarm, stacks))
}

func (c *check) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
}

// at sets the current step of the check, which messages include.
func (c *check) at(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.step = fmt.Sprintf(format, args...)
}

// breach reports that the stage broke a rule of the contract. It reports each text once per check.
func (c *check) breach(rule int, format string, args ...any) {
	c.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	if c.over || c.reported[text] {
		return
	}
	c.reported[text] = true
	when := ""
	if c.step != "" {
		when = c.step + ": "
	}
	c.Errorf("rule %d (%s): %s%s", rule, rules[rule], when, text)
}

// settle waits for goroutines that are about to end.
func (c *check) settle() {
	if !c.wall {
		synctest.Wait()
	}
}
