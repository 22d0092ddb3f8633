package s3source

import (
	"context"
	"io"
	"net/http"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// maxRefusal is how much of an error reply is read, in bytes: the SDK reads all of it into memory.
const maxRefusal = 1 << 20

// capRefusals makes error replies end at maxRefusal.
func capRefusals(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("millweir:cap", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, meta, err := next.HandleDeserialize(ctx, in)
		if reply, ok := out.RawResponse.(*smithyhttp.Response); ok && reply.Body != nil && reply.StatusCode >= http.StatusMultipleChoices {
			body := reply.Body
			reply.Body = struct {
				io.Reader
				io.Closer
			}{io.LimitReader(body, maxRefusal), body}
		}
		return out, meta, err
	}), middleware.After) // next to the transport: before anybody reads the body
}
