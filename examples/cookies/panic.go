package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/millweir/millweir/stream"
)

// The exit codes, the same as those of backup and restore.
const (
	exitFailed = 1
	exitDefect = 4
)

// defect is a panic of the program, or of a library in it. Its text has no stack.
type defect struct{ value any }

// Error returns the value of the panic on one line, escaped and cut, because it may be a text from
// outside.
func (d *defect) Error() string {
	const most = 1 << 10
	text := strconv.Quote(fmt.Sprintf("%.*s", most, fmt.Sprint(d.value)))
	return "this program has a defect, please report it: panic: " + text[1:len(text)-1]
}

// protect calls do, and returns a panic as a [*defect]. The deferred calls of do have run by then,
// so no server and no file remains.
func protect(do func() error) (err error) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		var carried *stream.PanicError // from a goroutine of a pipeline
		if e, ok := v.(error); ok && errors.As(e, &carried) {
			v = carried.Value
		}
		err = &defect{v}
	}()
	return do()
}

// end writes err as one line, and returns the exit code.
func end(out io.Writer, err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(out, "cookies:", err)
	if errors.As(err, new(*defect)) {
		return exitDefect
	}
	return exitFailed
}
