// Package s3reply guards the AWS SDK against the replies of a hostile server. The SDK reads most
// replies into memory whole, and its HTTP client follows redirects.
package s3reply

import (
	"errors"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"

	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/stream"
)

// Guard is an option of a client or of one call. Replies end at [Max], no redirect is followed, an
// error does not refer to the secrets of the request, the errors of the credentials provider are
// marked, and Accept-Encoding is not signed. It may be applied twice.
func Guard(o *s3.Options) {
	o.Credentials = s3fault.MarkCredentials(o.Credentials)
	o.HTTPClient = unfollowing(o.HTTPClient)
	o.APIOptions = append(o.APIOptions, UnsignedEncoding)
	o.APIOptions = append(o.APIOptions, Forget, Cap, Unfollowed) // the last sees the reply first
	if o.BaseEndpoint != nil && !isURL(*o.BaseEndpoint) {
		o.APIOptions = append(o.APIOptions, func(*middleware.Stack) error { return errEndpoint })
	}
}

// errEndpoint does not show the endpoint, as the SDK does, because it may contain a password.
var errEndpoint = stream.Mark(
	errors.New("the client's BaseEndpoint is not an http or https URL without a query"), stream.Fatal)

// isURL reports whether the SDK accepts s as an endpoint.
func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.RawQuery == ""
}
