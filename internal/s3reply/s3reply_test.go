package s3reply_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/millweir/millweir/internal/s3reply"
)

var errNoReply = errors.New("no reply")

// body is a reply of 1 GiB that counts the bytes read.
type body struct {
	read   int64
	closed bool
}

func (b *body) Read(p []byte) (int, error) {
	if b.read == 1<<30 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), 1<<30-b.read)
	b.read += n
	return int(n), nil
}

func (b *body) Close() error { b.closed = true; return nil }

// reply passes a reply through the middleware of option, and returns what the SDK would get.
func reply(ctx context.Context, t *testing.T, option func(*middleware.Stack) error, response any,
	err error,
) (*smithyhttp.Response, error) {
	t.Helper()
	stack := middleware.NewStack("test", smithyhttp.NewStackRequest)
	if err := option(stack); err != nil {
		t.Fatal(err)
	}
	var got *smithyhttp.Response
	reads := middleware.DeserializeMiddlewareFunc("reads", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, meta, err := next.HandleDeserialize(ctx, in)
		got, _ = out.RawResponse.(*smithyhttp.Response)
		return out, meta, err
	})
	if err := stack.Deserialize.Add(reads, middleware.Before); err != nil {
		t.Fatal(err)
	}
	transport := middleware.HandlerFunc(func(context.Context, any) (any, middleware.Metadata, error) {
		return response, middleware.Metadata{}, err
	})
	_, _, err = stack.HandleMiddleware(ctx, struct{}{}, transport)
	return got, err
}

func TestCap(t *testing.T) {
	for _, c := range []struct {
		operation string
		status    int
		want      int64
	}{
		{"PutObject", http.StatusOK, s3reply.Max},
		{"ListObjectsV2", http.StatusServiceUnavailable, s3reply.Max},
		{"GetObject", http.StatusOK, 1 << 30},
		{"GetObject", http.StatusPartialContent, 1 << 30},
		{"GetObject", http.StatusMultipleChoices, s3reply.Max},
		{"GetObject", http.StatusNotFound, s3reply.Max},
	} {
		b := &body{}
		response := &smithyhttp.Response{Response: &http.Response{StatusCode: c.status, Body: b}}
		got, err := reply(middleware.WithOperationName(t.Context(), c.operation), t, s3reply.Cap, response, nil)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, got.Body)
		if n != c.want || b.read > c.want+1 || errors.Is(err, s3reply.ErrTooLong) != (c.want == s3reply.Max) {
			t.Errorf("%s, status %d: %d bytes came of %d read, %v; want %d", c.operation, c.status, n, b.read, err,
				c.want)
		}
		if err := got.Body.Close(); err != nil || !b.closed {
			t.Errorf("%s, status %d: the body was not closed, %v", c.operation, c.status, err)
		}
		// never io.EOF
		if n, err := got.Body.Read(make([]byte, 1)); n != 0 || !errors.Is(err, http.ErrBodyReadAfterClose) {
			t.Errorf("%s, status %d: the closed body gave %d bytes, %v", c.operation, c.status, n, err)
		}
	}
}

// TestCapEdge has bodies of the greatest size, and one byte less and more.
func TestCapEdge(t *testing.T) {
	for size, want := range map[int]error{s3reply.Max - 1: nil, s3reply.Max: nil, s3reply.Max + 1: s3reply.ErrTooLong} {
		for _, read := range []func(io.Reader) io.Reader{
			func(r io.Reader) io.Reader { return r }, iotest.OneByteReader, iotest.DataErrReader,
		} {
			body := io.NopCloser(read(bytes.NewReader(make([]byte, size))))
			got, err := reply(t.Context(), t, s3reply.Cap,
				&smithyhttp.Response{Response: &http.Response{StatusCode: 200, Body: body}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := io.Copy(io.Discard, got.Body); !errors.Is(err, want) || n != int64(min(size, s3reply.Max)) {
				t.Errorf("%d of %d bytes came, %v; want %v", n, size, err, want)
			}
		}
	}
}

// TestCapNothing: other values than replies, and replies without a body, are unchanged.
func TestCapNothing(t *testing.T) {
	for _, option := range []func(*middleware.Stack) error{s3reply.Forget, s3reply.Cap, s3reply.Unfollowed} {
		if _, err := reply(t.Context(), t, option, nil, errNoReply); !errors.Is(err, errNoReply) {
			t.Errorf("no reply became %v", err)
		}
		if got, err := reply(t.Context(), t, option,
			&smithyhttp.Response{Response: &http.Response{StatusCode: http.StatusNotFound}}, nil); err != nil ||
			got.Body != nil {
			t.Errorf("a reply without a body became %v, %v", got, err)
		}
	}
}

func TestIsName(t *testing.T) {
	for name, want := range map[string]bool{
		"": false, `"e"`: true, `W/"e"`: true, "~": true, " ": false, "a b": false, "a\n": false, "\x7f": false,
		"\x1b[31m": false, "é": false, "\u202e": false,
		strings.Repeat("e", s3reply.MaxName): true, strings.Repeat("e", s3reply.MaxName+1): false,
	} {
		if got := s3reply.IsName(name); got != want {
			t.Errorf("%.20q: %v", name, got)
		}
	}
}
