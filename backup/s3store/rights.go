package s3store

import (
	"errors"
	"net/http"
	"slices"

	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/sink/s3sink"
)

// RightError reports a request that the service refused because its user lacks a right. Its class
// is that of its cause.
type RightError struct {
	Right string // such as "s3:PutObject"
	Cause error
}

// Error implements error.
func (e *RightError) Error() string {
	return "the right " + e.Right + " is missing: " + e.Cause.Error()
}

// Unwrap returns the service's error.
func (e *RightError) Unwrap() error { return e.Cause }

// needs returns err as a [*RightError] if the service refuses a request that needs the right.
func needs(err error, right string) error {
	// The reply to a HEAD has no code. Other codes with this status are of wrong credentials.
	refused := []string{"AccessDenied", "Forbidden", ""}
	if errors.As(err, new(*RightError)) { // of an earlier request, which tells more
		return err
	}
	var object *s3sink.DeleteError // in a reply with the status 200
	if errors.As(err, &object) && object.Code == "AccessDenied" {
		return &RightError{right, err}
	}
	if s3fault.Status(err) == http.StatusForbidden && slices.Contains(refused, s3fault.Code(err)) {
		return &RightError{right, err}
	}
	return err
}
