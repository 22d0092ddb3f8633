package stream_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// echoes are the errors by which a stage sees an end elsewhere.
var echoes = map[string]error{
	"a cancelled context":          context.Canceled,
	"a cancelled context, said so": fmt.Errorf("fetch: %w", context.Canceled),
	"a pipe":                       io.ErrClosedPipe,
	"a pipe and a context":         errors.Join(io.ErrClosedPipe, fmt.Errorf("read: %w", context.Canceled)),
	"a connection":                 &net.OpError{Op: "read", Err: net.ErrClosed},
	"a file":                       &fs.PathError{Op: "read", Path: "|0", Err: fs.ErrClosed},
	"a hub":                        fmt.Errorf("produce: %w", stream.ErrClosed),
	"a queue":                      source.ErrClosed,
}

// In whatever order errors come, the group returns the first true one unchanged, without echoes.
func TestGroupKeepsTheTrueCause(t *testing.T) {
	boom, other, sameText := errBoom, errors.New("other"), errors.New("boom")
	wrapped := fmt.Errorf("stage: %w", boom)
	unknown := stream.Mark(context.Canceled, stream.UnknownOutcome)
	for name, echo := range echoes {
		withEcho := errors.Join(echo, boom)
		for _, tt := range []struct {
			name string
			errs []error
			same error   // the error that comes back, by identity; nil if there are several
			all  []error // the errors that come back otherwise
		}{
			{"the echo alone", []error{echo}, echo, nil},
			{"the echo twice", []error{echo, echo}, echo, nil},
			{"echo first", []error{echo, boom}, boom, nil},
			{"echo last", []error{boom, echo}, boom, nil},
			{"echo around", []error{echo, boom, echo}, boom, nil},
			{"echo joined", []error{withEcho}, boom, nil},
			{"echo joined, after the echo", []error{echo, withEcho}, boom, nil},
			{"echo joined, after the failure", []error{boom, withEcho}, boom, nil},
			{"twice", []error{boom, echo, boom}, boom, nil},
			{"wrapped later", []error{boom, wrapped}, boom, nil},
			{"wrapped first", []error{wrapped, boom}, wrapped, nil},
			{"the text twice", []error{boom, sameText}, boom, nil},
			{"two failures", []error{echo, boom, echo, other}, nil, []error{boom, other}},
			{"two failures, again and again", []error{boom, other, boom, echo, other}, nil, []error{boom, other}},
			{
				"two failures, then both at once",
				[]error{boom, other, errors.Join(other, boom)},
				nil,
				[]error{boom, other},
			},
			{"one of two is known", []error{boom, errors.Join(sameText, echo, other)}, nil, []error{boom, other}},
			{"what clean-up adds", []error{echo, boom, errors.Join(boom, other)}, nil, []error{boom, other}},
			{"an outcome that is unknown is no echo", []error{echo, unknown, boom}, nil, []error{unknown, boom}},
		} {
			t.Run(name+"/"+tt.name, func(t *testing.T) {
				g, ctx := stream.NewGroup(t.Context())
				for _, err := range tt.errs {
					g.Fail(err)
				}
				if context.Cause(ctx) == nil {
					t.Error("the context goes on")
				}
				err := g.Wait()
				if tt.same != nil && err != tt.same {
					t.Errorf("got %q, want %q itself", err, tt.same)
				}
				for _, want := range tt.all {
					if !errors.Is(err, want) {
						t.Errorf("got %q, which lacks %q", err, want)
					}
				}
				if tt.all != nil &&
					(strings.Count(err.Error(), "\n") != len(tt.all)-1 || strings.Count(err.Error(), "boom") != 1) {
					t.Errorf("got %q, want %d errors", err, len(tt.all))
				}
			})
		}
	}
}

// In a cancelled run, echoes are echoes of the cancellation. The group returns its cause, even if
// an echo came before it.
func TestGroupEndsWithTheCauseOfTheRun(t *testing.T) {
	for name, echo := range echoes {
		for _, tt := range []struct {
			name   string
			before bool // the echo comes before the cancellation
			also   error
		}{
			{"after", false, nil},
			{"before", true, nil},
			{"with a failure", false, errors.New("other")},
		} {
			t.Run(name+"/"+tt.name, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				g, _ := stream.NewGroup(ctx)
				if tt.before {
					g.Fail(echo)
				}
				cancel(errBoom)
				g.Fail(echo)
				g.Fail(tt.also)
				err := g.Wait()
				if tt.also == nil && err != errBoom || !errors.Is(err, errBoom) ||
					!errors.Is(err, tt.also) && tt.also != nil {
					t.Errorf("got %v", err)
				}
			})
		}
	}
	t.Run("a deadline", func(t *testing.T) {
		ctx, cancel := context.WithDeadlineCause(t.Context(), time.Now().Add(-time.Second), errBoom)
		defer cancel()
		g, _ := stream.NewGroup(ctx)
		g.Fail(fmt.Errorf("fetch: %w", context.DeadlineExceeded))
		if err := g.Wait(); err != errBoom {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a deadline of the stage's own", func(t *testing.T) {
		g, _ := stream.NewGroup(t.Context())
		g.Fail(io.ErrClosedPipe)
		g.Fail(context.DeadlineExceeded)
		if err := g.Wait(); err != context.DeadlineExceeded {
			t.Errorf("got %v", err)
		}
	})
}

// throughPipe passes its elements through an [io.Pipe]. The reader of the pipe is closed before the
// group has the cause.
func throughPipe(fail error) stream.Flow[[]byte, []byte] {
	return stream.NewFlow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error) error {
		pr, pw := io.Pipe()
		g, ctx := stream.NewGroup(ctx)
		g.Go(func() error {
			_, err := stream.Run(ctx, src, sink.Writer(pw))
			pw.CloseWithError(err)
			return err
		})
		return g.Do(func() error {
			defer time.Sleep(time.Millisecond)
			defer pr.Close()
			for buf := make([]byte, 1); ; {
				switch _, err := pr.Read(buf); {
				case err == io.EOF:
					return fail
				case err != nil:
					return err
				}
				if err := emit([]byte{buf[0]}); err != nil {
					return err
				}
			}
		})
	})
}

// A stage that closes its pipe in clean-up ends early without an error, and fails with its own
// error.
func TestGroupWithAPipe(t *testing.T) {
	bytes := source.Of([]byte("a"), []byte("b"), []byte("c"))
	synctest.Test(t, func(t *testing.T) {
		got, err := stream.Run(t.Context(), stream.Via2(bytes, throughPipe(nil), stream.Take[[]byte](1)),
			sink.Slice[[]byte]())
		if err != nil || len(got) != 1 {
			t.Errorf("an early end: %q, %v", got, err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		failing := stream.TryMap(func(context.Context, []byte) (int, error) { return 0, errBoom })
		if _, err := stream.Run(t.Context(), stream.Via2(bytes, throughPipe(nil), failing),
			sink.Slice[int]()); err != errBoom {
			t.Errorf("a failure below: %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		if _, err := stream.Run(t.Context(), stream.Via(bytes, throughPipe(errBoom)),
			sink.Slice[[]byte]()); err != errBoom {
			t.Errorf("a failure at the end: %v", err)
		}
	})
}

// A hub inside a stage ends early with its consumer.
func TestGroupWithAHub(t *testing.T) {
	hubbed := stream.NewFlow(func(ctx context.Context, src stream.Source[int], emit func(int) error) error {
		hub := stream.NewMergeHub[int]()
		g, ctx := stream.NewGroup(ctx)
		g.Go(func() error {
			defer hub.Close()
			_, err := stream.Run(ctx, src, hub.Sink())
			return err
		})
		return g.Do(func() error {
			defer time.Sleep(time.Millisecond)
			return hub.Each(ctx, emit)
		})
	})
	synctest.Test(t, func(t *testing.T) {
		got, err := stream.Run(t.Context(), stream.Via2(count(10), hubbed, stream.Take[int](2)), sink.Slice[int]())
		if err != nil || len(got) != 2 {
			t.Errorf("%v, %v", got, err)
		}
	})
}

// If a worker wraps the context's error, a cancelled run still ends with the cause.
func TestCancelledWorkerEndsWithTheCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(errBoom) })
		slow := stream.SourceFunc[int](func(ctx context.Context, _ func(int) error) error {
			<-ctx.Done()
			return fmt.Errorf("scan: %w", ctx.Err())
		})
		if _, err := stream.Run(ctx, stream.Via(slow, stream.Async[int](1)), sink.Discard[int]()); err != errBoom {
			t.Errorf("got %v", err)
		}
	})
}

// An early end does not hide a failure that is joined to it.
func TestFailureWithAnEarlyEndIsItself(t *testing.T) {
	src := stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
		return errors.Join(count(3).Each(ctx, emit), errBoom)
	})
	if _, err := stream.Run(t.Context(), stream.Via(src, stream.Take[int](1)), sink.Discard[int]()); err != errBoom {
		t.Errorf("got %#v", err)
	}
}
