// Package s3key sends the key of a customer, by which S3 encrypts and decrypts an object (SSE-C).
package s3key

import (
	"context"
	"crypto/md5" //nolint:gosec // S3 wants the MD5 of a key, to find damage on the way
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/millweir/millweir/stream"
)

// The headers of a key. HeaderKey has the key itself.
const (
	HeaderAlgorithm = "X-Amz-Server-Side-Encryption-Customer-Algorithm"
	HeaderKey       = "X-Amz-Server-Side-Encryption-Customer-Key"
	HeaderMD5       = "X-Amz-Server-Side-Encryption-Customer-Key-Md5"
)

const (
	algorithm = "AES256" // the only one
	size      = 32       // bytes of a key
)

// ErrInsecure reports a key that would be sent over http.
var ErrInsecure = stream.Mark(errors.New("CustomerKey is never sent over http: use an https endpoint"), stream.Fatal)

// Key is a checked key. The zero value is no key. It keeps the key in a function, because package
// fmt prints unexported fields.
type Key struct{ encoded func() (key, digest string) }

// New returns raw as a Key. nil means no key. It keeps nothing of raw.
func New(raw CustomerKey) (Key, error) {
	if raw == nil {
		return Key{}, nil
	}
	if len(raw) != size { // an empty one too: a file of a key may be empty by mistake
		return Key{}, fmt.Errorf("CustomerKey has %d bytes, want %d", len(raw), size)
	}
	sum := md5.Sum(raw) //nolint:gosec // see the import
	key, digest := base64.StdEncoding.EncodeToString(raw), base64.StdEncoding.EncodeToString(sum[:])
	return Key{func() (string, string) { return key, digest }}, nil
}

// IsSet reports whether there is a key.
func (k Key) IsSet() bool { return k.encoded != nil }

// CheckClient returns [ErrInsecure] if there is a key, and client is one of the SDK for an http
// endpoint.
func (k Key) CheckClient(client any) error {
	c, ok := client.(interface{ Options() s3.Options })
	if !k.IsSet() || !ok {
		return nil
	}
	o := c.Options()
	endpoint := strings.ToLower(aws.ToString(o.BaseEndpoint))
	if strings.HasPrefix(endpoint, "http:") || endpoint == "" && o.EndpointOptions.DisableHTTPS {
		return ErrInsecure
	}
	return nil
}

// Options adds the key to one call. If there is a key, a request over http fails with [ErrInsecure]
// before it is sent.
func (k Key) Options(o *s3.Options) {
	if !k.IsSet() {
		return
	}
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Finalize.Insert(middleware.FinalizeMiddlewareFunc("millweir:customerkey", k.add), "Signing",
			middleware.Before)
	})
}

// add adds the headers to a request.
func (k Key) add(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
	middleware.FinalizeOutput, middleware.Metadata, error,
) {
	request, ok := in.Request.(*smithyhttp.Request)
	if !ok || request.URL.Scheme != "https" {
		return middleware.FinalizeOutput{}, middleware.Metadata{}, ErrInsecure
	}
	key, digest := k.encoded()
	request.Header.Set(HeaderAlgorithm, algorithm)
	request.Header.Set(HeaderKey, key)
	request.Header.Set(HeaderMD5, digest)
	return next.HandleFinalize(ctx, in)
}

// ConfirmedBy reports whether the headers of a reply say that the service has used the key.
func (k Key) ConfirmedBy(usedAlgorithm, usedMD5 *string) bool {
	if !k.IsSet() {
		return true
	}
	_, digest := k.encoded()
	return aws.ToString(usedAlgorithm) == algorithm && aws.ToString(usedMD5) == digest
}
