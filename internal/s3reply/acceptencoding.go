package s3reply

import (
	"context"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

const acceptEncoding = "Accept-Encoding"

// UnsignedEncoding is an API option. The signature does not cover Accept-Encoding: the front end of
// Google Cloud Storage appends to it before it checks the signature.
func UnsignedEncoding(stack *middleware.Stack) error {
	const id = "millweir:unsigned-encoding"
	_, signs := stack.Finalize.Get("Signing")
	if _, there := stack.Finalize.Get(id); there || !signs {
		return nil
	}
	var hidden string
	hide := middleware.FinalizeMiddlewareFunc(id, func(
		ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler,
	) (middleware.FinalizeOutput, middleware.Metadata, error) {
		if r, ok := in.Request.(*smithyhttp.Request); ok {
			if v := r.Header.Get(acceptEncoding); v != "" {
				hidden = v
			}
			r.Header.Del(acceptEncoding)
		}
		return next.HandleFinalize(ctx, in)
	})
	show := middleware.FinalizeMiddlewareFunc(id+":end", func(
		ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler,
	) (middleware.FinalizeOutput, middleware.Metadata, error) {
		if r, ok := in.Request.(*smithyhttp.Request); ok && hidden != "" {
			r.Header.Set(acceptEncoding, hidden)
		}
		return next.HandleFinalize(ctx, in)
	})
	if err := stack.Finalize.Insert(hide, "Signing", middleware.Before); err != nil {
		return err
	}
	return stack.Finalize.Insert(show, "Signing", middleware.After)
}
