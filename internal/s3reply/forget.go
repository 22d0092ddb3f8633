package s3reply

import (
	"context"
	"net/http"
	"net/url"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/millweir/millweir/internal/printable"
)

// Forget is an API option: replies and errors do not lead to the request that was sent. That has the
// session token, the access key's id and the signature in its header, and a client's password in its
// URL: whoever dumps an error with all that it refers to would print them.
func Forget(stack *middleware.Stack) error {
	return add(stack, middleware.DeserializeMiddlewareFunc("millweir:forget", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, meta, err := next.HandleDeserialize(ctx, in)
		if reply, ok := out.RawResponse.(*smithyhttp.Response); ok && reply.Response != nil {
			reply.Request = outline(reply.Request)
		}
		return out, meta, hostOnly(err)
	}))
}

// outline returns what is left of a request: its method, and the scheme and host of its URL.
func outline(r *http.Request) *http.Request {
	if r == nil {
		return nil
	}
	left := &http.Request{Method: r.Method, URL: &url.URL{}, Host: r.Host, Header: http.Header{}}
	if r.URL != nil {
		left.URL.Scheme, left.URL.Host = r.URL.Scheme, r.URL.Host
	}
	return left
}

// hostOnly returns err, which the transport returned, with scheme and host alone left of the URL in it.
func hostOnly(err error) error {
	send, ok := err.(*smithyhttp.RequestSendError) //nolint:errorlint // what the transport returned, not what it wraps
	if !ok {
		return err
	}
	u, ok := send.Err.(*url.Error) //nolint:errorlint // as above
	if !ok {
		return err
	}
	return &smithyhttp.RequestSendError{Err: &url.Error{Op: u.Op, URL: printable.HideURLs(u.URL), Err: u.Err}}
}
