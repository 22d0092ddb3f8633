package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/stream"
)

// Fault changes the outcome of the operations that it matches. If several faults match an
// operation, the one that was added first applies.
//
//	Fault{Op: "Put", Before: fails}                   nothing is stored
//	Fault{Op: "Put", After: lost}                     the object is stored, and Put fails
//	Fault{Op: "List", Objects: stream.Take[backup.Object](3)}   the list is short, without an error
//	Fault{Op: "Get", Bytes: stream.Map(flip)}         the object is damaged
type Fault struct {
	Op    string // "Put", "Get", "List", "Delete", "Hold" or "Sweep"; "" for all
	Key   string // the object's key, or the prefix of a List; "" for all
	Skip  int    // number of matching operations that succeed first
	Times int    // number of operations that the fault changes then; 0 means one, a negative number all

	// Before is called before the operation, and may wait. If it returns an error, that is the
	// operation's, which is not executed.
	Before func(context.Context) error
	// Bytes is a flow for the bytes of a Put on their way to the store, and of a Get on their way
	// from it. Objects is a flow for the list of a List.
	Bytes   stream.Flow[[]byte, []byte]
	Objects stream.Flow[backup.Object, backup.Object]
	// After is called after the operation with its error. What it returns is the error instead.
	After func(error) error

	seen int // number of matching operations
}

// Faults changes the outcome of operations of the stores that [Faults.Wrap] returns, as a script
// says, and counts changes. The zero value changes nothing. It is safe for concurrent use.
type Faults struct {
	turn func(ctx context.Context, op, key string) // waits for the turn of an operation; may be nil

	mu      sync.Mutex
	script  []*Fault
	changes int
	killAt  int // number of the change at which the process is killed; 0 for never
	moment  Moment
	killed  bool
}

// Moment is when, at a change, a process is killed.
type Moment int

const (
	BeforeChange Moment = iota + 1 // nothing has been stored or deleted
	AfterChange                    // it has been, and the process does not know
)

// String returns "before" or "after".
func (m Moment) String() string {
	if m == AfterChange {
		return "after"
	}
	return "before"
}

// ErrKilled is the error of every operation from the kill on.
var ErrKilled = stream.Mark(errors.New("storetest: the process was killed"), stream.Fatal)

// Add adds a fault to the script. It panics if there is no such operation.
func (f *Faults) Add(fault Fault) {
	if !slices.Contains([]string{"", "Put", "Get", "List", "Delete", "Hold", "Sweep"}, fault.Op) {
		panic(fmt.Sprintf("storetest: no operation has the name %q", fault.Op))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.script = append(f.script, &fault)
}

// KillAt kills the process that uses the stores at a change: before it or after it. 1 is the first
// change. From then on every operation is [ErrKilled], and no Put in progress stores its object.
//
// Changes are a Put, each key of a Delete, a Hold and a Sweep.
func (f *Faults) KillAt(change int, moment Moment) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.killAt, f.moment = change, moment
}

// Changes returns the number of changes so far, without those after a kill.
func (f *Faults) Changes() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changes
}

// Killed reports whether the process has been killed.
func (f *Faults) Killed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.killed
}

// alive returns ErrKilled after the kill.
func (f *Faults) alive() error {
	if f.Killed() {
		return ErrKilled
	}
	return nil
}

// match waits for the turn of an operation. It returns its fault, or one that changes nothing.
func (f *Faults) match(ctx context.Context, op, key string) Fault {
	if f.turn != nil {
		f.turn(ctx, op, key)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fault := range f.script {
		if fault.Op != "" && fault.Op != op || fault.Key != "" && fault.Key != key {
			continue
		}
		fault.seen++
		if n := fault.seen - fault.Skip; n > 0 && (fault.Times < 0 || n <= max(fault.Times, 1)) {
			return *fault
		}
	}
	return Fault{}
}

// change counts a change, and returns ErrKilled if the process is killed before it. after reports
// whether the process is to be killed after it.
func (f *Faults) change() (after bool, _ error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.killed {
		return false, ErrKilled
	}
	f.changes++
	if f.changes != f.killAt {
		return false, nil
	}
	if f.moment == AfterChange {
		return true, nil
	}
	f.killed = true
	return false, ErrKilled
}

func (f *Faults) kill() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.killed = true
}
