// Package cli holds what the commands of millweir share: exit codes, signals, messages, progress,
// and the access to MongoDB, S3 and the files of keys.
package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"

	"github.com/millweir/millweir/stream"
)

// Exit codes of the program. After a signal the code is 128 plus its number, as in a shell.
const (
	exitOK      = 0
	exitFailed  = 1 // the message says what remains
	exitUsage   = 2 // the command line or the environment is wrong; nothing was done
	exitUnknown = 3 // the outcome of the last request is unknown, even if a signal stopped the program
	exitDefect  = 4 // the program panicked; the message says what remains
)

// Program is one run of a program: its name, its messages and the secrets to hide in them.
type Program struct {
	Name  string
	JSON  bool   // messages are JSON, one object a line
	Debug bool   // report a panic with its stack
	Help  string // the command that lists the flags; by default -h of the program

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
		// Most of the live heap is buffers of parts and batches. Half as much garbage saves a fifth
		// of the memory for a few percent more CPU time.
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

// coded is an error with an exit code of its own.
type coded struct {
	error
	code int
}

func (c *coded) Unwrap() error { return c.error }

func (c *coded) text(s *secrets) string { return s.describe(c.error) }

// WithCode returns err with an exit code, for a failure that a script tells from others.
func WithCode(err error, code int) error { return &coded{err, code} }

// Done reports that the job is done: as words, or with --json as msg with attrs.
func (p *Program) Done(words *Text, msg string, attrs ...any) {
	p.say(slog.LevelInfo, words, msg, attrs...)
}

// Warn reports what the operator should know although the job succeeds: as words, or with --json
// as msg with attrs.
func (p *Program) Warn(words *Text, msg string, attrs ...any) {
	p.say(slog.LevelWarn, Textf("warning: %w", words), msg, attrs...)
}

// Words returns err as a message shows it: on one line, escaped, cut, and without secrets.
func (p *Program) Words(err error) string { return Textf("%w", err).text(p.secrets) }

// say writes one message: a sentence after the program's name, or JSON. Both show their values as a
// [Text] does.
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

// showStack writes the stack of the goroutine that panicked.
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

// finish writes the last message of the run and returns the exit code.
func (p *Program) finish(err, cause error) int {
	if err == nil {
		return exitOK
	}
	code, line := exitFailed, Textf("%w", err)
	var usage *UsageError
	var signalled *Signalled
	var panicked *Panic
	var own *coded
	if errors.As(cause, &signalled) || errors.As(cause, &panicked) {
		if !strings.Contains(err.Error(), cause.Error()) {
			line = Textf("%w: %w", cause, err)
		}
	}
	switch {
	case errors.As(err, &usage):
		code, line = exitUsage, Textf("%w (%s lists the flags)", err, cmp.Or(p.Help, p.Name+" -h"))
	case signalled != nil:
		code = signalled.exitCode()
	case errors.As(err, &own):
		code = own.code
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
