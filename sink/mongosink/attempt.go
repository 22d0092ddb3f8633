package mongosink

import (
	"errors"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/stream"
)

// attempt is what one try of a command proves.
type attempt int

const (
	answered  attempt = iota // the reply says what happened to each statement
	unsent                   // the command did not reach a server
	refused                  // the server refused the command and executed nothing of it
	halfway                  // the server ended the command, and may have executed a part of it
	lost                     // there is no reply: the server may execute the command, even later
	senseless                // the reply makes no sense, so everything is possible
)

// attemptOf returns what the outcome of RunCommand proves. RunCommand sends a command once. It
// repeats one only after the server refused it, because of overload or an expired authentication.
func attemptOf(reply bson.Raw, err error) attempt {
	if mongoerr.Panicked(err) {
		return senseless
	}
	if _, ok := errors.AsType[mongo.WriteException](err); ok || err == nil {
		return answered
	}
	if notSent(err) {
		return unsent
	}
	said, ok := errors.AsType[mongo.CommandError](err)
	switch {
	case ok && said.HasErrorLabel("NetworkError"), !ok && !mongoerr.BadReply(err):
		return lost
	case mongoerr.BadReply(err):
		return senseless
	case !ok, said.Raw == nil && said.Code == 0:
		return lost
	case executedNothing(said):
		return refused
	}
	return halfway
}

// executedNothing reports whether a refusal proves that the server executed nothing of the command.
func executedNothing(said mongo.CommandError) bool {
	const interruptedByOperator, diskFull, atlas = 11601, 14031, 8000
	switch {
	case said.HasErrorLabel("NoWritesPerformed"):
		return true
	case said.HasErrorLabel("SystemOverloadedError"): // it may arise after some writes
		return said.HasErrorLabel("RetryableError")
	}
	switch mongoerr.Class(said) {
	case stream.Throttled, stream.Data:
		return true
	case stream.Fatal:
		return !slices.Contains([]int32{interruptedByOperator, diskFull, atlas}, said.Code)
	}
	return false
}

// notSent reports whether err says that there was no connection for the command.
func notSent(err error) bool {
	var command mongo.CommandError
	if errors.As(err, &command) && (command.Code != 0 || command.HasErrorLabel("NetworkError")) {
		return false
	}
	var (
		selection  topology.ServerSelectionError
		connection topology.ConnectionError // outside a network error: while connecting
		queue      topology.WaitQueueTimeoutError
		pool       interface{ Retryable() bool } // the only sign of the driver's own type
		marshal    mongo.MarshalError
	)
	return errors.As(err, &selection) || errors.As(err, &connection) || errors.As(err, &queue) ||
		errors.As(err, &marshal) || errors.Is(err, mongo.ErrClientDisconnected) ||
		errors.As(err, &pool) && pool.Retryable()
}

// refusesNumbers reports whether the server knows no retryable writes, although it has sessions.
func refusesNumbers(err error) bool {
	const illegalOperation, documentDB = 20, 301
	said, ok := errors.AsType[mongo.CommandError](err)
	if !ok {
		return false
	}
	text := strings.ToLower(said.Message)
	return said.Code == documentDB || strings.Contains(text, "retryable writes") ||
		said.Code == illegalOperation && strings.Contains(text, "transaction numbers")
}
