package s3sink

import (
	"errors"
	"net/http"

	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/internal/s3reply"
	"github.com/millweir/millweir/stream"
)

var (
	// ErrExists reports an upload with IfAbsent to a key that already has an object. Nothing was
	// stored.
	ErrExists = stream.Mark(errors.New("the key already has an object"), stream.Fatal)

	// ErrConflict reports an upload with IfAbsent during which another request wrote to the same
	// key. Nothing was stored. Another run shows if the key has an object now.
	ErrConflict = stream.Mark(errors.New("another request for the key was in progress"), stream.Retryable)

	// ErrTooLarge reports a stream that does not fit into one object. Nothing was stored.
	ErrTooLarge = stream.Mark(errors.New("the stream does not fit into the parts of one object"), stream.Fatal)

	// ErrMismatch reports that the server stored something different from what was sent, by the
	// size or the checksum in its reply. If the error names a part, nothing was stored at the key.
	// Otherwise the key has an object, and it is damaged.
	ErrMismatch = stream.Mark(errors.New("the server stored something different from what was sent"), stream.Fatal)

	// ErrNotEncrypted reports an upload with ServerSideEncryption or CustomerKey to a service that
	// does not confirm the encryption: some services ignore the headers. Nothing was stored.
	ErrNotEncrypted = stream.Mark(errors.New("the service does not confirm the requested encryption"), stream.Fatal)

	// ErrNotStored reports an upload that the service called complete although it was not, for
	// example because another client had aborted it. Nothing was stored. Another run may succeed.
	ErrNotStored = stream.Mark(errors.New("the service reports success without storing the object"), stream.Retryable)

	// ErrBrokenOff reports that a server closed the connection during a request although it answers
	// others. Some servers do this if a right or the bucket is missing. Nothing was stored. The
	// error wraps what the server answered to the other request.
	ErrBrokenOff = stream.Mark(errors.New("the server closed the connection during the request"), stream.Retryable)

	// ErrOutcomeUnknown reports an upload that may or may not have stored the object, if a HEAD of
	// the key does not decide it. If the object may be stored, the upload was not aborted. Check
	// the key before you run the upload again.
	ErrOutcomeUnknown = stream.Mark(errors.New("whether the object was stored is unknown"), stream.UnknownOutcome)

	// A reply with one of these errors is treated like a lost reply.
	errNoETag     = stream.Mark(errors.New("the reply has no usable ETag"), stream.Fatal)
	errNoUploadID = stream.Mark(errors.New("the reply has no usable upload id"), stream.Fatal)
)

// conditionalConflict is the error code of a conditional request during which another request wrote
// to the same key.
const conditionalConflict = "ConditionalRequestConflict"

// isName reports whether s, from a reply, can be an ETag or an id.
func isName(s *string) bool { return s != nil && s3reply.IsName(*s) }

// isBadReply reports whether err is a reply of success that cannot be used, such as the HTML page
// of a proxy.
func isBadReply(err error) bool {
	status := s3fault.Status(err)
	return errors.Is(err, errNoETag) || errors.Is(err, errNoUploadID) || errors.Is(err, errNoPartList) ||
		status >= 200 && status < 300 && s3fault.Code(err) == ""
}

// refused reports whether the server rejected the request without acting on it: a redirect, a
// client error, or 501.
func refused(err error) bool {
	s := s3fault.Status(err)
	return s >= 300 && s < 500 || s == http.StatusNotImplemented || errors.Is(err, s3reply.ErrRedirected)
}

// precondition reports whether the service rejected a condition of the request.
func precondition(err error) bool {
	return s3fault.Code(err) == "PreconditionFailed" || s3fault.Status(err) == http.StatusPreconditionFailed
}

func noSuchUpload(err error) bool { return s3fault.Code(err) == "NoSuchUpload" }

func notFound(err error) bool {
	code := s3fault.Code(err)
	return s3fault.Status(err) == http.StatusNotFound || code == "NotFound" || code == "NoSuchKey"
}
