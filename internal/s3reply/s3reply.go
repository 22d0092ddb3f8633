// Package s3reply bounds the replies that the AWS SDK takes into memory whole.
package s3reply

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/millweir/millweir/stream"
)

// Max is how much of a reply is read, in bytes: none that the connectors ask for passes some kilobytes.
const Max = 1 << 20

// Cap is an API option: replies end at [Max].
func Cap(stack *middleware.Stack) error { return capFrom(stack, 0) }

// CapRefusals is an API option: replies that are no success end at [Max]. The others are for who asked.
func CapRefusals(stack *middleware.Stack) error { return capFrom(stack, http.StatusMultipleChoices) }

func capFrom(stack *middleware.Stack, status int) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("millweir:cap", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, meta, err := next.HandleDeserialize(ctx, in)
		if reply, ok := out.RawResponse.(*smithyhttp.Response); ok && reply.Body != nil && reply.StatusCode >= status {
			body := reply.Body
			reply.Body = struct {
				io.Reader
				io.Closer
			}{io.LimitReader(body, Max), body}
		}
		return out, meta, err
	}), middleware.After) // next to the transport: before anybody reads the body
}

// ErrRedirected is the error of a request that the HTTP client sent elsewhere by another method, as a plain http.Client does with
// a PUT that is answered 301 or 302. The reply is that to a GET.
var ErrRedirected = stream.Mark(errors.New("a redirect was followed by another method"), stream.Fatal)

// KeepMethod is an API option: a reply to another method than the request's is [ErrRedirected].
func KeepMethod(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("millweir:method", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, meta, err := next.HandleDeserialize(ctx, in)
		request, ok := in.Request.(*smithyhttp.Request)
		reply, replied := out.RawResponse.(*smithyhttp.Response)
		if err == nil && ok && replied && reply.Request != nil && reply.Request.Method != request.Method {
			err = fmt.Errorf("%w: %s became %s", ErrRedirected, request.Method, reply.Request.Method)
		}
		return out, meta, err
	}), middleware.After)
}
