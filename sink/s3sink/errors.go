package s3sink

import (
	"errors"
	"net/http"

	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/internal/s3reply"
	"github.com/millweir/millweir/stream"
)

var (
	// ErrExists is the error of an upload with IfAbsent whose key has an object already. Nothing was stored.
	ErrExists = stream.Mark(errors.New("the key has an object already"), stream.Fatal)

	// ErrConflict is the error of an upload with IfAbsent that met another writer of the same key at work. Nothing was stored;
	// whether the key has an object now is to be seen by running the upload again.
	ErrConflict = stream.Mark(errors.New("another request for the key was under way"), stream.Retryable)

	// ErrTooLarge is the error of a stream that does not fit into one object. Nothing was stored.
	ErrTooLarge = stream.Mark(errors.New("the stream is larger than the parts of one object can hold"), stream.Fatal)

	// ErrMismatch is the error of an upload of which the server stored something else than was sent, by the size or the checksum that it
	// tells. Where the error names a part, nothing was stored at the key; else there is an object, and it is damaged.
	ErrMismatch = stream.Mark(errors.New("what the server stored is not what was sent"), stream.Fatal)

	// ErrNotEncrypted is the error of an upload with ServerSideEncryption to a service that does not answer that it does that: services
	// that do not know the header pass over it. Nothing was stored.
	ErrNotEncrypted = stream.Mark(errors.New("the service does not encrypt the object as it was asked to"), stream.Fatal)

	// ErrNotStored is the error of an upload that the service reported to be complete, though it was not: another had aborted it, say.
	// Nothing was stored; another run may do well.
	ErrNotStored = stream.Mark(errors.New("the service reports success, but did not store the object"), stream.Retryable)

	// ErrBrokenOff is the error of a request that a server broke off in the middle though it answers others: some do that instead
	// of saying that a right or the bucket is missing. Nothing was stored. What else the server said is joined to it.
	ErrBrokenOff = stream.Mark(errors.New("the server answers, but broke off the request"), stream.Retryable)

	// ErrOutcomeUnknown is the error of an upload that may or may not have stored the object, if looking at the key does not decide
	// it. If it may have, the upload was not aborted. Look before it is run again.
	ErrOutcomeUnknown = stream.Mark(errors.New("whether the object was stored is unknown"), stream.UnknownOutcome)

	// The outcome of a request with such a reply is settled like that of a lost one.
	errNoETag     = stream.Mark(errors.New("the reply has no usable ETag"), stream.Fatal)
	errNoUploadID = stream.Mark(errors.New("the reply has no usable upload id"), stream.Fatal)
)

// isName reports whether s, from a reply, can be an ETag or an id.
func isName(s *string) bool { return s != nil && s3reply.IsName(*s) }

// refused reports whether the server rejected the request without acting on it: a redirect, a client error, or 501.
func refused(err error) bool {
	s := s3fault.Status(err)
	return s >= 300 && s < 500 || s == http.StatusNotImplemented || errors.Is(err, s3reply.ErrRedirected)
}

// precondition reports whether err says that a condition of the request does not hold.
func precondition(err error) bool {
	return s3fault.Code(err) == "PreconditionFailed" || s3fault.Status(err) == http.StatusPreconditionFailed
}

func noSuchUpload(err error) bool { return s3fault.Code(err) == "NoSuchUpload" }

func notFound(err error) bool {
	return s3fault.Status(err) == http.StatusNotFound || s3fault.Code(err) == "NotFound" || s3fault.Code(err) == "NoSuchKey"
}
