package stream_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
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

// refusal is an error type of a connector. It has its own class, or takes the class of the error
// that it wraps.
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
	timedOut := func() error { // a timeout of the standard library
		c, other := net.Pipe()
		defer c.Close()
		defer other.Close()
		_ = c.SetReadDeadline(time.Now().Add(-time.Second))
		_, err := c.Read(make([]byte, 1))
		return err
	}()
	idle := func() (err error) {
		synctest.Test(t, func(t *testing.T) {
			_, err = stream.Run(t.Context(), stream.Via(source.Never[int](), stream.IdleTimeout[int](time.Second)),
				sink.Discard[int]())
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
		{"joined, the one that asks for most", errors.Join(mark(stream.Data),
			fmt.Errorf("x: %w", mark(stream.UnknownOutcome)), mark(stream.Fatal)), stream.UnknownOutcome},
		{
			"the outer mark", stream.Mark(fmt.Errorf("x: %w", mark(stream.UnknownOutcome)), stream.Retryable),
			stream.Retryable,
		},
		{
			"a mark before what is guessed", fmt.Errorf("%w: %w", mark(stream.Data), context.DeadlineExceeded),
			stream.Data,
		},
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
		{"no such host", missing, stream.Fatal},
		{"no answer for the host", &net.DNSError{Err: "server misbehaving", IsTemporary: true}, stream.Retryable},
		{"closed by us", &net.OpError{Op: "read", Err: net.ErrClosed}, stream.Unclassified},
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

// Errors of the standard library have a class without a mark, however they are wrapped.
func TestClassOfTheStandardLibrary(t *testing.T) {
	op := func(name string, err error) error { return &net.OpError{Op: name, Net: "tcp", Err: err} }
	sys := func(call string, e syscall.Errno) error { return os.NewSyscallError(call, e) }
	file := func(e error) error { return &fs.PathError{Op: "write", Path: "x", Err: e} }
	get := func(err error) error { return &url.Error{Op: "Get", URL: "https://h", Err: err} }
	_, noPort := net.ResolveTCPAddr("tcp", "localhost:no:port")
	noURL := &url.Error{Op: "parse", URL: ":", Err: errors.New("missing protocol scheme")}
	for _, tt := range []struct {
		name string
		err  error
		want stream.Class
	}{
		{"a reset", op("read", sys("read", syscall.ECONNRESET)), stream.Retryable},
		{"a reset by its number alone", syscall.ECONNRESET, stream.Retryable},
		{"a broken pipe of a connection", op("write", sys("write", syscall.EPIPE)), stream.Retryable},
		{"a FIN in an operation", op("read", io.EOF), stream.Retryable},
		{"a FIN before the reply", get(io.EOF), stream.Retryable},
		{"a FIN in the reply's header", get(io.ErrUnexpectedEOF), stream.Retryable},
		{
			"a FIN, wrapped", get(fmt.Errorf("net/http: Transport failed to read from server: %w", io.EOF)),
			stream.Retryable,
		},
		{"a file that is cut", file(io.ErrUnexpectedEOF), stream.Unclassified},
		{"no route", op("dial", sys("connect", syscall.EHOSTUNREACH)), stream.Retryable},
		{"dial refused", get(op("dial", sys("connect", syscall.ECONNREFUSED))), stream.Retryable},
		{"dial forbidden", op("dial", sys("connect", syscall.EACCES)), stream.Fatal},
		{"dial timed out", op("dial", os.ErrDeadlineExceeded), stream.Retryable},
		{"cancelled request", get(context.Canceled), stream.Canceled},
		{"request that timed out", get(context.DeadlineExceeded), stream.Retryable},
		{"no such host", get(op("dial", &net.DNSError{IsNotFound: true})), stream.Fatal},
		{"no answer for the host", get(op("dial", &net.DNSError{IsTemporary: true})), stream.Retryable},
		{"a slow answer for the host", &net.DNSError{IsTimeout: true}, stream.Retryable},
		{"no such port", op("dial", noPort), stream.Fatal},
		{"no URL", noURL, stream.Fatal},
		{"no network", op("dial", net.UnknownNetworkError("x")), stream.Fatal},

		{
			"certificate of an unknown authority",
			get(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}), stream.Fatal,
		},
		{"certificate that expired", x509.CertificateInvalidError{Reason: x509.Expired}, stream.Fatal},
		{
			"certificate of another host",
			fmt.Errorf("x: %w", x509.HostnameError{Certificate: new(x509.Certificate), Host: "h"}), stream.Fatal,
		},
		{
			"no TLS there", get(tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}),
			stream.Fatal,
		},
		{"a refused certificate", op("remote error", tls.AlertError(42)), stream.Fatal},
		{"a required certificate", op("remote error", tls.AlertError(116)), stream.Fatal},
		{"a record that is damaged", op("local error", tls.AlertError(20)), stream.Retryable},
		{"a server in trouble", op("remote error", tls.AlertError(80)), stream.Retryable},

		{"no such file", file(syscall.ENOENT), stream.Fatal},
		{"no permission", file(syscall.EACCES), stream.Fatal},
		{"no space", fmt.Errorf("x: %w", file(syscall.ENOSPC)), stream.Fatal},
		{"read-only", file(syscall.EROFS), stream.Fatal},
		{"a broken disk", file(syscall.EIO), stream.Fatal},
		{"a broken pipe of a program", file(syscall.EPIPE), stream.Fatal},
		{"too many open files", file(syscall.EMFILE), stream.Retryable},
		{"a closed file", file(os.ErrClosed), stream.Fatal},
		{"a file system's own", fs.ErrNotExist, stream.Fatal},
		{"a failed rename", &os.LinkError{Op: "rename", Err: syscall.EXDEV}, stream.Fatal},
		{"a writer that writes too little", io.ErrShortWrite, stream.Fatal},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := stream.ClassOf(tt.err); got != tt.want {
				t.Errorf("%v, want %v: %v", got, tt.want, tt.err)
			}
		})
	}
}

// An early end is not a failure.
func TestClassOfAnEarlyEnd(t *testing.T) {
	src := stream.SourceFunc[int](func(_ context.Context, emit func(int) error) error {
		err := emit(1)
		if got := stream.ClassOf(err); got != stream.Canceled {
			t.Errorf("an early end is %v", got)
		}
		return err
	})
	if _, err := stream.Run(t.Context(), stream.Via(src, stream.Take[int](1)), sink.Discard[int]()); err != nil {
		t.Error(err)
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
	// A connector marks its sentinels once. Code that returns them need not mark them again.
	errLost := stream.Mark(errors.New("the connection is lost"), stream.Retryable)
	err := fmt.Errorf("read: %w: %w", errLost, io.ErrUnexpectedEOF)

	fmt.Println(errors.Is(err, errLost), stream.ClassOf(err))
	// Output: true retryable
}
