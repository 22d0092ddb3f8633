package s3reply

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"weak"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/millweir/millweir/stream"
)

// unfollowing returns client as one that follows no redirect. A request is signed for one host, and
// carries a session token that is valid at any host, so it must go only to the client's endpoint.
// The SDK's own client follows 307 and 308 without a limit, and sends the token to the other host.
//
// An HTTP client of another type than the SDK's and net/http's is returned unchanged; see
// [Unfollowed].
func unfollowing(client s3.HTTPClient) s3.HTTPClient {
	switch c := client.(type) {
	case *http.Client:
		return unfollowingHTTP(c)
	case *awshttp.BuildableClient:
		return unfollowingSDK(c)
	}
	return client
}

// unfollowingHTTP returns a client with the transport and the connections of c that follows no
// redirect.
func unfollowingHTTP(c *http.Client) *http.Client {
	still := *c
	still.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &still
}

// unfollowingSDKs holds the replacement of each client of the SDK, which does not give access to
// its transport. A replacement is made once, to reuse its connections.
var unfollowingSDKs sync.Map // of weak.Pointer[awshttp.BuildableClient] to *http.Client

// unfollowingSDK returns a client with the settings of b that follows no redirect.
func unfollowingSDK(b *awshttp.BuildableClient) s3.HTTPClient {
	key := weak.Make(b)
	if made, ok := unfollowingSDKs.Load(key); ok {
		return made.(*http.Client)
	}
	frozen, ok := b.Freeze().(*http.Client)
	if !ok {
		return b // a later SDK may return another type: Unfollowed still applies
	}
	made, found := unfollowingSDKs.LoadOrStore(key, unfollowingHTTP(frozen))
	if !found {
		runtime.AddCleanup(b, func(key weak.Pointer[awshttp.BuildableClient]) { unfollowingSDKs.Delete(key) }, key)
	}
	return made.(*http.Client)
}

var (
	// ErrRedirected reports a request that the HTTP client repeated elsewhere with another method,
	// as a plain http.Client does for a PUT that is answered by 301 or 302. The reply answers a
	// GET: nothing was stored.
	ErrRedirected = stream.Mark(errors.New("a redirect was followed by another method"), stream.Fatal)

	// ErrFollowed reports a request that the HTTP client repeated at the target of a redirect. What
	// the server there did with it is unknown.
	ErrFollowed = stream.Mark(errors.New("the HTTP client followed a redirect of a signed request"), stream.Fatal)
)

// Unfollowed is an API option. The reply to a redirected request is [ErrRedirected] or
// [ErrFollowed]. It is for HTTP clients whose redirects cannot be disabled.
func Unfollowed(stack *middleware.Stack) error {
	return add(stack, middleware.DeserializeMiddlewareFunc("millweir:unfollowed", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, meta, err := next.HandleDeserialize(ctx, in)
		if err == nil {
			err = followed(in.Request, out.RawResponse)
		}
		return out, meta, err
	}))
}

// followed returns an error if reply answers another request than the SDK's.
func followed(sent, reply any) error {
	request, ok := sent.(*smithyhttp.Request)
	got, replied := reply.(*smithyhttp.Response)
	if !ok || !replied || got.Response == nil || got.Request == nil {
		return nil
	}
	var err error
	switch last := got.Request; {
	case last.Method != request.Method:
		err = fmt.Errorf("%w: %s became %s", ErrRedirected, request.Method, last.Method)
	case last.Response != nil: // the redirect that led to it
		err = ErrFollowed
	default:
		return nil
	}
	if got.Body != nil {
		_ = got.Body.Close() // err is the cause
	}
	return err
}
