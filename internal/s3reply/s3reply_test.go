package s3reply_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/millweir/millweir/internal/s3reply"
)

var errNoReply = errors.New("no reply")

// body is a reply of a GiB, of which it counts what is read.
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

// reply has the middleware of option read a reply as the SDK does, and returns what reached it.
func reply(t *testing.T, option func(*middleware.Stack) error, response any, err error) (*smithyhttp.Response, error) {
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
	_, _, err = stack.HandleMiddleware(t.Context(), struct{}{}, transport)
	return got, err
}

func TestCap(t *testing.T) {
	for _, c := range []struct {
		name   string
		option func(*middleware.Stack) error
		status int
		want   int64
	}{
		{"all", s3reply.Cap, http.StatusOK, s3reply.Max},
		{"all", s3reply.Cap, http.StatusServiceUnavailable, s3reply.Max},
		{"refusals", s3reply.CapRefusals, http.StatusOK, 1 << 30},
		{"refusals", s3reply.CapRefusals, http.StatusPartialContent, 1 << 30},
		{"refusals", s3reply.CapRefusals, http.StatusMultipleChoices, s3reply.Max},
		{"refusals", s3reply.CapRefusals, http.StatusNotFound, s3reply.Max},
	} {
		b := &body{}
		got, err := reply(t, c.option, &smithyhttp.Response{Response: &http.Response{StatusCode: c.status, Body: b}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, got.Body); n != c.want || b.read != c.want || err != nil {
			t.Errorf("%s, status %d: %d bytes came of %d read, %v; want %d", c.name, c.status, n, b.read, err, c.want)
		}
		if err := got.Body.Close(); err != nil || !b.closed {
			t.Errorf("%s, status %d: the body was not closed, %v", c.name, c.status, err)
		}
	}
}

// What is no reply, or has no body, is left alone.
func TestCapNothing(t *testing.T) {
	for _, option := range []func(*middleware.Stack) error{s3reply.Cap, s3reply.CapRefusals} {
		if _, err := reply(t, option, nil, errNoReply); !errors.Is(err, errNoReply) {
			t.Errorf("no reply became %v", err)
		}
		if got, err := reply(t, option, &smithyhttp.Response{Response: &http.Response{StatusCode: http.StatusNotFound}}, nil); err != nil || got.Body != nil {
			t.Errorf("a reply without a body became %v, %v", got, err)
		}
	}
}
