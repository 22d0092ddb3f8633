package stream

import (
	"fmt"
	"runtime/debug"
)

// PanicError is the value with which [Run], [Running.Wait], [All] and [Reader] panic if a stage or
// a function of the user panicked in the run, on whichever goroutine or coroutine:
//
//	defer func() {
//		if p, ok := recover().(*stream.PanicError); ok {
//			log.Printf("backup: %v", p) // with the stack of the function that panicked
//		}
//	}()
//
// A panic outside a run passes unchanged: one in the body of a loop over [All], or in a stage that
// is called without a run. runtime.Goexit, which t.FailNow calls, is not a panic: it ends the
// goroutine that called Run.
type PanicError struct {
	Value any    // the argument of panic
	Stack []byte // of the goroutine that panicked, when it panicked
}

// Error returns the value and the original stack.
func (p *PanicError) Error() string {
	return fmt.Sprintf("stream: a stage panicked: %v\n\n%s", p.Value, p.Stack)
}

// Class returns Fatal: a panic is a defect, even if its value is an error of another class.
func (p *PanicError) Class() Class { return Fatal }

// Unwrap returns the value if it is an error, and nil otherwise.
func (p *PanicError) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// panicked returns a PanicError with value v and the stack of the calling goroutine, which must be
// panicking. If v is a PanicError already, panicked returns v.
func panicked(v any) *PanicError {
	if p, ok := v.(*PanicError); ok { // from a run inside this one, or from a worker
		return p
	}
	return &PanicError{Value: v, Stack: debug.Stack()}
}

// carryPanic, if deferred, turns a panic into one with a *PanicError. The stack still holds the
// frames of the panic, because deferred functions run on top of them. During runtime.Goexit recover
// returns nil, and the goroutine ends.
func carryPanic() {
	if v := recover(); v != nil {
		panic(panicked(v))
	}
}
