// Package cli holds what the programs backup and restore share: their run from flags to exit code, their messages, and the way
// they reach MongoDB, S3 and the keys. It keeps the pipelines in the programs' own files readable.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"

	"github.com/millweir/millweir/stream"
)

// Exit codes of the programs. A signal ends them with 128 and its number, as a shell has it.
const (
	exitOK      = 0
	exitFailed  = 1 // a backup has stored nothing; what a restore has left, its message says
	exitUsage   = 2 // the command line or the environment is wrong; nothing was begun
	exitUnknown = 3 // what the server did with the last request is not known, even if a signal ended the program
)

// Program is one run of a program: its name, and where its messages go.
type Program struct {
	Name string
	JSON bool // messages are JSON, one object a line

	file    *os.File // standard error, for the live line
	out     io.Writer
	secrets *secrets
}

// Main runs the program and ends the process with its exit code.
func Main(name string, run func(ctx context.Context, p *Program, args []string) error) {
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		// Most of what is alive are the buffers of parts and batches: half as much garbage next to them is a fifth less memory, for a
		// few per cent more CPU time.
		debug.SetGCPercent(50)
	}
	p := &Program{Name: name, file: os.Stderr, out: os.Stderr, secrets: new(secrets)}
	ctx, stop := withSignals(context.Background())
	err := run(ctx, p, os.Args[1:])
	cause := context.Cause(ctx)
	stop()
	os.Exit(p.end(err, cause))
}

// Hide keeps s out of every message from now on.
func (p *Program) Hide(s string) { p.secrets.add(s) }

// Done says that the job is done: in words, or with -json-log as msg with attrs.
func (p *Program) Done(words, msg string, attrs ...any) {
	p.say(slog.LevelInfo, words, msg, attrs...)
}

// Warn says what a person should know though the job is done: in words, or with -json-log as msg with attrs.
func (p *Program) Warn(words, msg string, attrs ...any) {
	p.say(slog.LevelWarn, "warning: "+words, msg, attrs...)
}

// say writes one message. Every message of a program has one of two forms: a sentence after the program's name, or JSON.
func (p *Program) say(level slog.Level, words, msg string, attrs ...any) {
	if !p.JSON {
		fmt.Fprintf(p.out, "%s: %s\n", p.Name, p.secrets.message(printable(words)))
		return
	}
	clean := func(_ []string, a slog.Attr) slog.Attr {
		if a.Value.Kind() == slog.KindString && a.Key != slog.MessageKey {
			a.Value = slog.StringValue(p.secrets.message(a.Value.String()))
		}
		return a
	}
	logger := slog.New(slog.NewJSONHandler(p.out, &slog.HandlerOptions{ReplaceAttr: clean}))
	logger.Log(context.Background(), level, msg, attrs...)
}

// end writes the one line that err ends in, and returns the exit code.
func (p *Program) end(err, cause error) int {
	if err == nil || errors.Is(err, flag.ErrHelp) {
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
	if stream.ClassOf(err) == stream.UnknownOutcome {
		code = exitUnknown
	}
	p.say(slog.LevelError, line, p.Name+" failed", "error", line, "exit", code)
	return code
}
