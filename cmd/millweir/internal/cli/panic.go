package cli

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/millweir/millweir/stream"
)

// Panic is a recovered panic: a defect of the program or of a library in it. Its text has no stack.
type Panic struct {
	Value any
	Stack []byte // of the goroutine that panicked
}

// Error says that the program has a defect.
func (p *Panic) Error() string { return p.text(nil) }

// Class returns Fatal, even if the value is an error of another class.
func (p *Panic) Class() stream.Class { return stream.Fatal }

func (p *Panic) text(s *secrets) string {
	return "this program has a defect, please report it (--debug shows where): panic: " + s.foreign(fmt.Sprint(p.Value))
}

// stack returns the lines of the stack.
func (p *Panic) stack() []Foreign {
	var all []Foreign
	for line := range strings.Lines(string(p.Stack)) {
		all = append(all, Foreign(strings.ReplaceAll(strings.TrimRight(line, "\n"), "\t", "    ")))
	}
	return all
}

// newPanic returns the panic with value v.
func newPanic(v any) *Panic {
	var carried *stream.PanicError
	if err, ok := v.(error); ok && errors.As(err, &carried) {
		return &Panic{carried.Value, carried.Stack}
	}
	return &Panic{v, debug.Stack()}
}

// Protect calls do. If do panics, Protect returns a [*Panic], so that the caller cleans up as after
// any other error.
func Protect[R any](do func() (R, error)) (result R, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = newPanic(v)
		}
	}()
	return do()
}

// recoverPanic is for defer in the goroutines of this package. A panic ends the run with a [*Panic]
// as its cause.
func (p *Program) recoverPanic() {
	if v := recover(); v != nil && p.crash != nil {
		p.crash(newPanic(v))
	}
}
