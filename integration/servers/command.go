package servers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"testing"
)

// Command calls f with a testing.TB in a program that is not a test. It stops the servers that f
// started before it returns. It returns an error if f fails or skips the test.
func Command(ctx context.Context, name string, f func(t testing.TB)) error {
	c := &command{ctx: ctx, name: name}
	defer c.cleanUp()
	done := make(chan struct{})
	go func() { // Fatal ends its goroutine
		defer close(done)
		f(c)
	}()
	<-done
	return errors.Join(c.errs...)
}

// command is the testing.TB of a program. It has what this package needs, for one goroutine at a
// time.
type command struct {
	testing.TB // nil

	ctx      context.Context //nolint:containedctx // as testing.TB has it
	name     string
	errs     []error
	cleanups []func()
}

func (c *command) cleanUp() {
	for i := len(c.cleanups) - 1; i >= 0; i-- {
		c.cleanups[i]()
	}
}

func (c *command) Helper()                         {}
func (c *command) Name() string                    { return c.name }
func (c *command) Context() context.Context        { return c.ctx }
func (c *command) Failed() bool                    { return len(c.errs) > 0 }
func (c *command) Cleanup(f func())                { c.cleanups = append(c.cleanups, f) }
func (c *command) Logf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

func (c *command) Error(args ...any) { c.errs = append(c.errs, errors.New(fmt.Sprint(args...))) }

func (c *command) Errorf(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf(format, args...))
}
func (c *command) Fatal(args ...any)                 { c.Error(args...); runtime.Goexit() }
func (c *command) Fatalf(format string, args ...any) { c.Errorf(format, args...); runtime.Goexit() }
func (c *command) Skipf(format string, args ...any)  { c.Fatalf(format, args...) }
