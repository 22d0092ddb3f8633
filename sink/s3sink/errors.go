package s3sink

import (
	"errors"
	"net/http"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

var (
	// ErrExists is the error of an upload with IfAbsent whose key has an object already. Nothing was stored.
	ErrExists = errors.New("the key has an object already")

	// ErrConflict is the error of an upload with IfAbsent that met another writer of the same key at work. Nothing was stored;
	// whether the key has an object now is to be seen by running the upload again.
	ErrConflict = errors.New("another request for the key was under way")

	// ErrTooLarge is the error of a stream that does not fit into one object. Nothing was stored.
	ErrTooLarge = errors.New("the stream is larger than the parts of one object can hold")

	// ErrMismatch is the error of an upload of which the server stored something else than was sent, by the size or the checksum that it
	// tells. Where the error names a part, nothing was stored at the key; else there is an object, and it is damaged.
	ErrMismatch = errors.New("what the server stored is not what was sent")

	// ErrNotEncrypted is the error of an upload with ServerSideEncryption to a service that does not answer that it does that: services
	// that do not know the header pass over it. Nothing was stored.
	ErrNotEncrypted = errors.New("the service does not encrypt the object as it was asked to")

	// ErrOutcomeUnknown is the error of an upload whose last request may or may not have stored the object, where looking at the
	// key did not tell either. The upload was not aborted.
	ErrOutcomeUnknown = errors.New("whether the object was stored is unknown")

	errNoETag     = errors.New("the reply has no ETag")
	errNoUploadID = errors.New("the reply has no upload id")
)

// code returns the service's code of err, or "".
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// status returns the HTTP status that came with err, or 0 when no reply did.
func status(err error) int {
	var re *smithyhttp.ResponseError
	if errors.As(err, &re) && re.Response != nil && re.Response.Response != nil {
		return re.HTTPStatusCode()
	}
	return 0
}

// refused tells whether err is the server's definite no: of what it sends elsewhere and of what it does not know nothing was done.
func refused(err error) bool {
	s := status(err)
	return s >= 300 && s < 500 || s == http.StatusNotImplemented
}

// precondition tells whether err says that a condition of the request does not hold.
func precondition(err error) bool {
	return code(err) == "PreconditionFailed" || status(err) == http.StatusPreconditionFailed
}

func noSuchUpload(err error) bool { return code(err) == "NoSuchUpload" }

func notFound(err error) bool {
	return status(err) == http.StatusNotFound || code(err) == "NotFound" || code(err) == "NoSuchKey"
}
