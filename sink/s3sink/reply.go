package s3sink

import (
	"context"
	"io"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// maxReply is how much of a reply is read, in bytes: the SDK reads all of it into memory, and none that this package asks for
// passes some kilobytes.
const maxReply = 1 << 20

// capReplies makes replies end at maxReply.
func capReplies(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("millweir:cap", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, meta, err := next.HandleDeserialize(ctx, in)
		if reply, ok := out.RawResponse.(*smithyhttp.Response); ok && reply.Body != nil {
			body := reply.Body
			reply.Body = struct {
				io.Reader
				io.Closer
			}{io.LimitReader(body, maxReply), body}
		}
		return out, meta, err
	}), middleware.After) // next to the transport: before anybody reads the body
}
