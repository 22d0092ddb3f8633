package s3reply

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/millweir/millweir/internal/printable"
	"github.com/millweir/millweir/internal/s3key"
)

// Forget is an API option. Replies and errors do not refer to the sent request. Its header has the
// session token, the access key's id and the signature, and its URL may have a client's password: a
// dump of an error would print them. Forget also hides the token, the signature and the customer's
// key in replies that repeat them, and the access key's id in replies that are errors.
func Forget(stack *middleware.Stack) error {
	return add(stack, middleware.DeserializeMiddlewareFunc("millweir:forget", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, meta, err := next.HandleDeserialize(ctx, in)
		if reply, ok := out.RawResponse.(*smithyhttp.Response); ok && reply.Response != nil {
			reply.Request = withoutSecrets(reply.Request)
			secrets := requestSecrets(in.Request)
			if reply.StatusCode >= http.StatusMultipleChoices {
				secrets = append(secrets, accessKeyID(in.Request)...)
			}
			hideInHeader(reply.Header, secrets)
			if reply.Body != nil && !isObject(ctx, reply) {
				reply.Body = hideInBody(reply.Body, secrets)
			}
		}
		return out, meta, hostOnly(err)
	}))
}

// requestSecrets returns the secrets in a request's header: the session token, the signature and the
// key of a customer (SSE-C).
func requestSecrets(request any) []string {
	r, ok := request.(*smithyhttp.Request)
	if !ok {
		return nil
	}
	return secretsOf(r.Header.Get("X-Amz-Security-Token"), authorizationField(r, "Signature="),
		r.Header.Get(s3key.HeaderKey))
}

// accessKeyID returns the id of the access key of a request. It may also be part of a bucket's or
// an object's name, so only errors hide it: a reply of success must keep the names in it.
func accessKeyID(request any) []string {
	r, ok := request.(*smithyhttp.Request)
	if !ok {
		return nil
	}
	return secretsOf(authorizationField(r, "Credential="))
}

func authorizationField(r *smithyhttp.Request, name string) string {
	_, value, _ := strings.Cut(r.Header.Get("Authorization"), name)
	value, _, _ = strings.Cut(value, ",")
	value, _, _ = strings.Cut(value, "/")
	return value
}

func secretsOf(values ...string) []string {
	return slices.DeleteFunc(values, func(s string) bool { return len(s) < minSecret })
}

// minSecret is the least length in bytes of a secret that is hidden. A shorter one occurs by
// chance.
const minSecret = 8

func hide(text string, secrets []string) string {
	for _, s := range secrets {
		text = strings.ReplaceAll(text, s, "[hidden]")
	}
	return text
}

func hideInHeader(header http.Header, secrets []string) {
	for _, values := range header {
		for i := range values {
			values[i] = hide(values[i], secrets)
		}
	}
}

// hideInBody reads body to its end and returns it without the secrets.
func hideInBody(body io.ReadCloser, secrets []string) io.ReadCloser {
	if len(secrets) == 0 {
		return body
	}
	if _, ok := body.(*capped); !ok { // a client may have Cap without Guard: Cap then runs later
		body = &capped{body: body, left: Max}
	}
	text, err := io.ReadAll(body)
	return &readBody{strings.NewReader(hide(string(text), secrets)), cmp.Or(err, io.EOF), body}
}

// readBody is a body in memory, and the error with which reading it ended.
type readBody struct {
	text *strings.Reader
	end  error
	io.Closer
}

func (r *readBody) Read(p []byte) (int, error) {
	if r.text.Len() == 0 {
		return 0, r.end
	}
	return r.text.Read(p)
}

// withoutSecrets returns r reduced to its method, and the scheme and host of its URL.
func withoutSecrets(r *http.Request) *http.Request {
	if r == nil {
		return nil
	}
	left := &http.Request{Method: r.Method, URL: &url.URL{}, Host: r.Host, Header: http.Header{}}
	if r.URL != nil {
		left.URL.Scheme, left.URL.Host = r.URL.Scheme, r.URL.Host
	}
	return left
}

// hostOnly returns err, an error of the transport, with only the scheme and host of its URL.
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
