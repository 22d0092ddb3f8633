package stream_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// refusal is an error type of a connector: it knows its class, or leaves it to what it wraps.
type refusal struct {
	class stream.Class
	err   error
}

func (r refusal) Error() string       { return "refused" }
func (r refusal) Class() stream.Class { return r.class }
func (r refusal) Unwrap() error       { return r.err }

func TestClassOf(t *testing.T) {
	mark := func(c stream.Class) error { return stream.Mark(errBoom, c) }
	refused := &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	missing := &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", IsNotFound: true}}
	timedOut := func() error { // as the standard library makes it
		c, other := net.Pipe()
		defer c.Close()
		defer other.Close()
		_ = c.SetReadDeadline(time.Now().Add(-time.Second))
		_, err := c.Read(make([]byte, 1))
		return err
	}()
	idle := func() (err error) {
		synctest.Test(t, func(t *testing.T) {
			_, err = stream.Run(t.Context(), stream.Via(source.Never[int](), stream.IdleTimeout[int](time.Second)), sink.Discard[int]())
		})
		return err
	}()
	tests := []struct {
		name string
		err  error
		want stream.Class
	}{
		{"nil", nil, stream.Unclassified},
		{"unknown", errBoom, stream.Unclassified},
		{"marked", mark(stream.Throttled), stream.Throttled},
		{"wrapped", fmt.Errorf("x: %w", fmt.Errorf("y: %w", mark(stream.Data))), stream.Data},
		{"two %w", fmt.Errorf("%w: %w", errBoom, mark(stream.Retryable)), stream.Retryable},
		{"joined", errors.Join(io.EOF, mark(stream.Retryable)), stream.Retryable},
		{"joined, the one that asks for most", errors.Join(mark(stream.Data), fmt.Errorf("x: %w", mark(stream.UnknownOutcome)), mark(stream.Fatal)), stream.UnknownOutcome},
		{"the outer mark", stream.Mark(fmt.Errorf("x: %w", mark(stream.UnknownOutcome)), stream.Retryable), stream.Retryable},
		{"a mark before what is guessed", fmt.Errorf("%w: %w", mark(stream.Data), context.DeadlineExceeded), stream.Data},
		{"no mark", stream.Mark(mark(stream.Data), stream.Unclassified), stream.Data},
		{"a type", fmt.Errorf("x: %w", refusal{stream.Fatal, mark(stream.Data)}), stream.Fatal},
		{"a type that does not know", refusal{stream.Unclassified, mark(stream.Data)}, stream.Data},
		{"a type that wraps nothing", refusal{}, stream.Unclassified},

		{"cancelled", fmt.Errorf("x: %w", context.Canceled), stream.Canceled},
		{"cancelled twice", errors.Join(context.Canceled, context.Canceled), stream.Canceled},
		{"cancelled beside a failure", errors.Join(errBoom, context.Canceled), stream.Unclassified},
		{"cancelled beside a timeout", errors.Join(context.Canceled, context.DeadlineExceeded), stream.Retryable},
		{"cancelled while connecting", dialCancelled(t), stream.Canceled},
		{"deadline", fmt.Errorf("x: %w", context.DeadlineExceeded), stream.Retryable},
		{"deadline of a connection", timedOut, stream.Retryable},
		{"deadline of a file", os.ErrDeadlineExceeded, stream.Retryable},
		{"refused", fmt.Errorf("x: %w", refused), stream.Retryable},
		{"refused, of a URL", &url.Error{Op: "Get", URL: "http://h", Err: refused}, stream.Retryable},
		{"no such host", missing, stream.Unclassified},
		{"no answer for the host", &net.DNSError{Err: "server misbehaving", IsTemporary: true}, stream.Retryable},
		{"closed by us", &net.OpError{Op: "read", Err: net.ErrClosed}, stream.Unclassified},
		{"a file that is not there", &os.PathError{Op: "open", Path: "x", Err: syscall.ENOENT}, stream.Unclassified},
		{"an end that came too soon", io.ErrUnexpectedEOF, stream.Unclassified},
		{"IdleTimeout", idle, stream.Retryable},
		{"Limit", fmt.Errorf("x: %w", stream.ErrLimit), stream.Data},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := stream.ClassOf(tt.err); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

func dialCancelled(t *testing.T) error {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := new(net.Dialer).DialContext(ctx, "tcp", "127.0.0.1:9")
	if err == nil {
		t.Fatal("connected")
	}
	return err
}

func TestMark(t *testing.T) {
	marked := stream.Mark(&os.PathError{Op: "open", Path: "x", Err: errBoom}, stream.Fatal)
	var path *os.PathError
	if !errors.Is(marked, errBoom) || !errors.As(marked, &path) || marked.Error() != path.Error() {
		t.Errorf("got %v, which hides what it marks", marked)
	}
	if err := stream.Mark(nil, stream.Fatal); err != nil {
		t.Errorf("nil became %v", err)
	}
	one, two := stream.Mark(errBoom, stream.Data), stream.Mark(errBoom, stream.Data)
	if wrapped := fmt.Errorf("x: %w", one); !errors.Is(wrapped, one) || errors.Is(wrapped, two) {
		t.Error("a marked sentinel is not itself, or is another")
	}
}

func TestClassString(t *testing.T) {
	seen := map[string]bool{}
	for c := stream.Unclassified - 1; c <= stream.UnknownOutcome+1; c++ {
		if s := c.String(); s == "" || seen[s] {
			t.Errorf("%d is %q", int(c), s)
		} else {
			seen[s] = true
		}
		if want := c == stream.Retryable || c == stream.Throttled; c.Transient() != want {
			t.Errorf("%v is transient: %v", c, !want)
		}
	}
}

func ExampleClassOf() {
	errBusy := stream.Mark(errors.New("503 SlowDown"), stream.Throttled)
	err := fmt.Errorf("s3sink: upload: %w", errBusy)

	fmt.Println(err)
	fmt.Println(stream.ClassOf(err), stream.ClassOf(err).Transient())
	// Output:
	// s3sink: upload: 503 SlowDown
	// throttled true
}

func ExampleMark() {
	// A connector marks its sentinels once; who returns them need not think of it.
	errLost := stream.Mark(errors.New("the connection is lost"), stream.Retryable)
	err := fmt.Errorf("read: %w: %w", errLost, io.ErrUnexpectedEOF)

	fmt.Println(errors.Is(err, errLost), stream.ClassOf(err))
	// Output: true retryable
}
