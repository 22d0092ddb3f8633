package s3reply

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/millweir/millweir/stream"
)

// Max is the greatest size in bytes of a reply's body. The replies that the connectors expect have
// at most some hundred kilobytes. A header has the limit of the HTTP client, 10 MiB in
// [http.Transport].
const Max = 1 << 20

// ErrTooLong reports a reply with more than [Max] bytes.
var ErrTooLong = stream.Mark(errors.New("the reply is longer than 1 MiB"), stream.Fatal)

// Cap is an API option. A reply with more than [Max] bytes is [ErrTooLong]. The object of a
// GetObject has no limit here: the caller reads it.
func Cap(stack *middleware.Stack) error {
	if err := add(stack, middleware.DeserializeMiddlewareFunc("millweir:cap", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, meta, err := next.HandleDeserialize(ctx, in)
		if reply, ok := out.RawResponse.(*smithyhttp.Response); ok && reply.Body != nil {
			reply.Body = &capped{body: reply.Body, left: Max}
		}
		return out, meta, err
	})); err != nil {
		return err
	}
	return addOutermost(stack, middleware.DeserializeMiddlewareFunc("millweir:uncap", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, meta, err := next.HandleDeserialize(ctx, in)
		if reply, ok := out.RawResponse.(*smithyhttp.Response); ok && isObject(ctx, reply) {
			uncap(reply) // not earlier: if the SDK cannot parse the headers, it reads the object to its end
		}
		return out, meta, err
	}))
}

// isObject reports whether the body of reply is an object, which the caller reads.
func isObject(ctx context.Context, reply *smithyhttp.Response) bool {
	return middleware.GetOperationName(ctx) == "GetObject" && reply.Response != nil &&
		reply.StatusCode < http.StatusMultipleChoices
}

func uncap(reply *smithyhttp.Response) {
	if c, ok := reply.Body.(*capped); ok {
		c.left = math.MaxInt64 - 1
	}
}

// capped is a body that fails after left bytes. Close drops the reference to the body below it: an
// error that holds the reply must not lead to the connection, whose buffer held the request.
type capped struct {
	body io.ReadCloser // nil once it is closed
	left int64
}

func (c *capped) Read(p []byte) (int, error) {
	if c.body == nil {
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := c.body.Read(p[:min(int64(len(p)), c.left+1)])
	if int64(n) > c.left {
		n, err = int(c.left), ErrTooLong
	}
	c.left -= int64(n)
	return n, err
}

func (c *capped) Close() error {
	if c.body == nil {
		return nil
	}
	body := c.body
	c.body = nil
	return body.Close()
}

// add inserts m next to the transport, before the reply's body is read, unless the stack has m
// already.
func add(stack *middleware.Stack, m middleware.DeserializeMiddleware) error {
	if _, there := stack.Deserialize.Get(m.ID()); there {
		return nil
	}
	return stack.Deserialize.Add(m, middleware.After)
}

// addOutermost inserts m after the reply has been read, unless the stack has m already.
func addOutermost(stack *middleware.Stack, m middleware.DeserializeMiddleware) error {
	if _, there := stack.Deserialize.Get(m.ID()); there {
		return nil
	}
	return stack.Deserialize.Add(m, middleware.Before)
}
