package stream

import (
	"fmt"
	"runtime/debug"
)

// PanicError is the value with which [Run], [Running.Wait], [All] and [Reader] panic when a stage or a function of the user panicked
// in the run, on whichever goroutine or coroutine:
//
//	defer func() {
//		if p, ok := recover().(*stream.PanicError); ok {
//			log.Printf("backup: %v", p) // with the stack of the function that panicked
//		}
//	}()
//
// A panic passes unchanged where it is not of the run: in the body of a loop over [All], and through a stage that is called
// without a run. runtime.Goexit, and so t.FailNow, is no panic: it ends the goroutine that called Run.
type PanicError struct {
	Value any    // what panic was called with
	Stack []byte // of the goroutine that panicked, as it was then
}

// Error returns the value and the original stack.
func (p *PanicError) Error() string {
	return fmt.Sprintf("stream: a stage panicked: %v\n\n%s", p.Value, p.Stack)
}

// Class returns Fatal: a panic is a defect, also where its value is an error of another class.
func (p *PanicError) Class() Class { return Fatal }

// Unwrap returns the value when it is an error.
func (p *PanicError) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// panicked returns the panic with value v as an error with the stack of the goroutine, which must be panicking.
func panicked(v any) *PanicError {
	if p, ok := v.(*PanicError); ok { // a run inside this one, or a worker, made it
		return p
	}
	return &PanicError{Value: v, Stack: debug.Stack()}
}

// carryPanic, when deferred, lets a panic go on as a *PanicError. The stack still holds the frames of the panic, since deferred
// functions run on top of them. During runtime.Goexit recover returns nil, and the goroutine ends.
func carryPanic() {
	if v := recover(); v != nil {
		panic(panicked(v))
	}
}
