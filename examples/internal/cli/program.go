// Package cli holds what the programs backup and restore share: their run from flags to exit code, their messages, and the way
// they reach MongoDB, S3 and the keys. It keeps the pipelines in the programs' own files readable.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
)

// Exit codes of the programs. A signal ends them with 128 and its number, as a shell has it.
const (
	exitOK      = 0
	exitFailed  = 1 // a backup has stored nothing; what a restore has left, its message tells
	exitUsage   = 2 // the command line is wrong; nothing was begun
	exitUnclear = 3 // what was stored is not known, also where a signal ended the program
)

// unclear is an error that leaves open what was stored.
type unclear struct{ error }

func (u unclear) Unwrap() error { return u.error }

// Unclear has the program that ends with err say so by its exit code: what was stored is not known.
func Unclear(err error) error { return unclear{err} }

// Program is one run of a program: its name and where its messages go.
type Program struct {
	Name string
	JSON bool // messages are JSON, one object a line

	file *os.File // standard error, for the live line
	out  *redactor
}

// Main runs the program and ends the process with its exit code.
func Main(name string, run func(ctx context.Context, p *Program, args []string) error) {
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		// Most of what is alive are the buffers of parts and batches: half as much garbage beside them is a fifth less memory, for a
		// few per cent more CPU time.
		debug.SetGCPercent(50)
	}
	p := &Program{Name: name, file: os.Stderr, out: &redactor{w: os.Stderr}}
	ctx, stop := withSignals(context.Background())
	err := run(ctx, p, os.Args[1:])
	cause := context.Cause(ctx)
	stop()
	os.Exit(p.end(err, cause))
}

// Hide keeps s out of every message from now on.
func (p *Program) Hide(s string) { p.out.hide(s) }

// Log returns the logger: text, or JSON when it was asked for.
func (p *Program) Log() *slog.Logger {
	if p.JSON {
		return slog.New(slog.NewJSONHandler(p.out, nil))
	}
	return slog.New(slog.NewTextHandler(p.out, nil))
}

// Done says that the job is done: to a person in words, else as a log line with attrs.
func (p *Program) Done(words, msg string, attrs ...any) {
	if p.terminal() {
		fmt.Fprintln(p.out, words)
		return
	}
	p.Log().Info(msg, attrs...)
}

// end writes the one line that err ends in, and returns the exit code.
func (p *Program) end(err, cause error) int {
	if err == nil {
		return exitOK
	}
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	code, line := exitFailed, oneLine(err)
	var usage *UsageError
	var signalled *Signalled
	switch {
	case errors.As(err, &usage):
		code = exitUsage
		line += " (" + p.Name + " -h lists the flags)"
	case errors.As(cause, &signalled):
		code = signalled.exitCode()
		if !strings.Contains(line, cause.Error()) {
			line = cause.Error() + ": " + line
		}
	}
	var doubt unclear
	if errors.As(err, &doubt) {
		code = exitUnclear
	}
	if p.JSON {
		p.Log().Error(p.Name+" failed", "error", line, "exit", code)
	} else {
		fmt.Fprintf(p.out, "%s: %s\n", p.Name, line)
	}
	return code
}
