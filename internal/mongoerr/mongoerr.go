// Package mongoerr classifies the errors of the MongoDB driver by the classes of package stream. It
// also names the collection that an error is about.
package mongoerr

import (
	"errors"
	"fmt"
	"net"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"github.com/millweir/millweir/stream"
)

// Mark returns err with its [Class] and with its text bounded by [Bound]. If a server's reply made
// no sense, the error is an [ErrBadReply].
func Mark(err error) error {
	if BadReply(err) && !errors.Is(err, ErrBadReply) {
		return fmt.Errorf("%w: %w", ErrBadReply, Bound(err))
	}
	return stream.Mark(Bound(err), Class(err))
}

// Class returns the class of err, an error of the driver, for an operation that may be repeated: a
// read, or a write that was certainly not carried out. It returns Unclassified for unknown errors.
func Class(err error) stream.Class {
	var own interface{ Class() stream.Class } // an error of this library that the driver wrapped
	if errors.As(err, &own) && own.Class() != stream.Unclassified {
		return own.Class()
	}
	var selection topology.ServerSelectionError
	if errors.As(err, &selection) {
		return ofSelection(selection)
	}
	if BadReply(err) {
		return stream.Fatal
	}
	if c := ofServer(err); c != stream.Unclassified {
		return c
	}
	return ofClient(err)
}

// ofSelection returns the class of err, which says that the driver found no server in time. It is
// Retryable unless the last error of every server is permanent.
func ofSelection(err topology.ServerSelectionError) stream.Class {
	most := stream.Unclassified
	for _, s := range err.Desc.Servers {
		c := stream.Retryable
		if s.LastError != nil {
			c = Class(s.LastError)
		}
		if c == stream.Unclassified { // the driver's monitor strips the ConnectionError
			c = ofConnection(s.LastError)
		}
		if c.Transient() {
			return stream.Retryable
		}
		most = max(most, c)
	}
	if len(err.Desc.Servers) == 0 {
		return stream.Retryable
	}
	return most
}

// ofServer returns the class of a server's error in err: by its codes and labels.
func ofServer(err error) stream.Class {
	var (
		codes    []int
		labelled mongo.LabeledError
		server   mongo.ServerError
		inner    driver.Error
	)
	switch {
	case errors.As(err, &server):
		codes, labelled = server.ErrorCodes(), server
	case errors.As(err, &inner): // while connecting
		codes, labelled = []int{int(inner.Code)}, inner
	default:
		return stream.Unclassified
	}
	if labelled.HasErrorLabel("SystemOverloadedError") {
		return stream.Throttled
	}
	most := stream.Unclassified
	for _, code := range codes {
		most = max(most, classes[code])
	}
	switch {
	case most != stream.Unclassified:
		return most
	case labelled.HasErrorLabel("NetworkError"):
		return ofConnection(err)
	}
	for _, label := range []string{"RetryableError", "RetryableWriteError", "ResumableChangeStreamError"} {
		if labelled.HasErrorLabel(label) {
			return stream.Retryable
		}
	}
	return stream.Unclassified
}

// ofClient returns the class of an error that the driver made itself.
func ofClient(err error) stream.Class {
	var (
		connection topology.ConnectionError
		queue      topology.WaitQueueTimeoutError
		pool       interface{ Retryable() bool } // implemented by the driver's error for a cleared pool
		marshal    mongo.MarshalError
		argument   mongo.InvalidArgumentError
		unordered  mongo.ErrMapForOrderedArgument
	)
	switch {
	case errors.Is(err, mongo.ErrClientDisconnected) || errors.Is(err, topology.ErrTopologyClosed):
		return stream.Fatal
	case errors.As(err, &marshal) || errors.As(err, &argument) || errors.As(err, &unordered):
		return stream.Fatal
	case errors.As(err, &pool) && pool.Retryable() || errors.As(err, &queue):
		return stream.Retryable
	case errors.As(err, &connection):
		return ofConnection(err)
	}
	return stream.Unclassified
}

// ofConnection returns the class of a failed connection: Retryable however it ended, by RST, by FIN
// or in the middle of a message, unless a certificate or the name of the host is wrong.
func ofConnection(err error) stream.Class {
	if host, ok := errors.AsType[*net.DNSError](err); ok && host.IsNotFound || untrusted(err) {
		return stream.Fatal
	}
	return stream.Retryable
}
