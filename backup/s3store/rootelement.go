package s3store

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/millweir/millweir/internal/s3reply"
	"github.com/millweir/millweir/stream"
)

// errOtherReply reports a reply of success that is not the service's, such as the page of a proxy.
var errOtherReply = stream.Mark(errors.New("the reply reports success, but does not answer the request"),
	stream.Retryable)

// wantRoot returns an option of one call. A reply of success fails unless it is an XML document with
// the root element name. The SDK takes an empty reply, and a page of HTML, for a document in which
// nothing is set.
func wantRoot(name string) func(*s3.Options) {
	check := func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
		middleware.DeserializeOutput, middleware.Metadata, error,
	) {
		out, meta, err := next.HandleDeserialize(ctx, in)
		reply, ok := out.RawResponse.(*smithyhttp.Response)
		if err != nil || !ok || reply.Response == nil || reply.StatusCode >= http.StatusMultipleChoices {
			return out, meta, err
		}
		document, err := io.ReadAll(io.LimitReader(reply.Body, s3reply.Max))
		if err != nil {
			return out, meta, err
		}
		reply.Body = readCloser{bytes.NewReader(document), reply.Body}
		if !hasRoot(document, name) {
			return out, meta, errOtherReply
		}
		return out, meta, nil
	}
	return func(o *s3.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("millweir:root", check), middleware.After)
		})
	}
}

// hasRoot reports whether the XML document has the root element name.
func hasRoot(document []byte, name string) bool {
	decoder := xml.NewDecoder(bytes.NewReader(document))
	for {
		token, err := decoder.Token()
		if err != nil {
			return false
		}
		if root, ok := token.(xml.StartElement); ok {
			return strings.EqualFold(root.Name.Local, name)
		}
	}
}

// readCloser reads from one body, and closes another.
type readCloser struct {
	io.Reader
	io.Closer
}
