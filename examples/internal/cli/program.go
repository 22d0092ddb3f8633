// Package cli holds what the programs backup and restore share: their run from flags to exit code,
// their messages, and the way they reach MongoDB, S3 and the keys. It keeps the pipelines in the
// programs' own files readable.
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
	exitDefect  = 4 // the program panicked: a backup has stored nothing; what a restore has left, its message says
)

// Program is one run of a program: its name, and where its messages go.
type Program struct {
	Name  string
	JSON  bool // messages are JSON, one object a line
	Debug bool // a defect is reported with its stack

	file    *os.File // standard error, for the live line
	out     io.Writer
	secrets *secrets
	crash   context.CancelCauseFunc // ends the run
}

// NewProgram returns a program that writes its messages to out.
func NewProgram(name string, out *os.File) *Program {
	return &Program{Name: name, file: out, out: out, secrets: new(secrets)}
}

// Main runs the program and ends the process with its exit code.
func Main(name string, run func(ctx context.Context, p *Program, args []string) error) {
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		// Most of what is alive are the buffers of parts and batches: half as much garbage next to
		// them is a fifth less memory, for a few per cent more CPU time.
		debug.SetGCPercent(50)
	}
	p := NewProgram(name, os.Stderr)
	p.secrets.addEnvironment()
	ctx, stop := withSignals(context.Background())
	ctx, p.crash = context.WithCancelCause(ctx)
	_, err := Protect(func() (any, error) { return nil, run(ctx, p, os.Args[1:]) })
	cause := context.Cause(ctx)
	stop()
	os.Exit(p.finish(err, cause))
}

// Done says that the job is done: in words, or with -json-log as msg with attrs.
func (p *Program) Done(words *Text, msg string, attrs ...any) {
	p.say(slog.LevelInfo, words, msg, attrs...)
}

// Warn says what a person should know though the job is done: in words, or with -json-log as msg
// with attrs.
func (p *Program) Warn(words *Text, msg string, attrs ...any) {
	p.say(slog.LevelWarn, Textf("warning: %w", words), msg, attrs...)
}

// say writes one message. Every message of a program has one of two forms: a sentence after the
// program's name, or JSON. The values of both are shown as those of a [Text].
func (p *Program) say(level slog.Level, words *Text, msg string, attrs ...any) {
	if !p.JSON {
		fmt.Fprintf(p.out, "%s: %s\n", p.Name, words.text(p.secrets))
		return
	}
	shown := make([]any, len(attrs))
	for i, a := range attrs {
		if shown[i] = a; i%2 == 1 { // not a key
			shown[i] = p.secrets.value(a)
		}
	}
	logger := slog.New(slog.NewJSONHandler(p.out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	logger.Log(context.Background(), level, msg, shown...)
}

// showStack writes where the program panicked.
func (p *Program) showStack(panicked *Panic) {
	lines := panicked.stack()
	if p.JSON {
		p.say(slog.LevelDebug, nil, "stack", "stack", lines)
		return
	}
	for _, line := range lines {
		p.say(slog.LevelDebug, Textf("stack: %s", line), "")
	}
}

// end writes the one line that err ends in, and returns the exit code.
func (p *Program) finish(err, cause error) int {
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	code, line := exitFailed, Textf("%w", err)
	var usage *UsageError
	var signalled *Signalled
	var panicked *Panic
	if errors.As(cause, &signalled) || errors.As(cause, &panicked) {
		if !strings.Contains(err.Error(), cause.Error()) {
			line = Textf("%w: %w", cause, err)
		}
	}
	switch {
	case errors.As(err, &usage):
		code, line = exitUsage, Textf("%w ("+p.Name+" -h lists the flags)", err)
	case signalled != nil:
		code = signalled.exitCode()
	}
	if stream.ClassOf(err) == stream.UnknownOutcome {
		code = exitUnknown
	}
	if errors.As(err, &panicked) || panicked != nil {
		code = exitDefect
		if p.Debug {
			p.showStack(panicked)
		}
	}
	p.say(slog.LevelError, line, p.Name+" failed", "error", line, "exit", code)
	return code
}
