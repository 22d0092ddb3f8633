package s3sink

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/millweir/millweir/stream"
)

// errNotEmpty reports a reply to a DELETE that is not the service's. To send the request again is
// safe.
var errNotEmpty = stream.Mark(errors.New("the reply reports success, but is not one to a DELETE"), stream.Retryable)

// wantEmptyReply fails a DELETE unless a reply of success is 204, or 200 without a body. Otherwise
// the page of a proxy would count as a deletion.
func wantEmptyReply(o *s3.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("millweir:empty", checkEmptyReply),
			middleware.After)
	})
}

func checkEmptyReply(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
	middleware.DeserializeOutput, middleware.Metadata, error,
) {
	out, meta, err := next.HandleDeserialize(ctx, in)
	reply, ok := out.RawResponse.(*smithyhttp.Response)
	if err != nil || !ok || reply.Response == nil || reply.StatusCode >= http.StatusMultipleChoices ||
		reply.StatusCode == http.StatusNoContent {
		return out, meta, err
	}
	if reply.StatusCode != http.StatusOK {
		return out, meta, errNotEmpty
	}
	if reply.Body != nil {
		if n, err := io.ReadFull(reply.Body, make([]byte, 1)); n > 0 || err != io.EOF { //nolint:errorlint // as io.Reader says
			return out, meta, errNotEmpty
		}
	}
	return out, meta, nil
}
