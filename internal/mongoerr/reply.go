package mongoerr

import (
	"compress/flate"
	"compress/zlib"
	"errors"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/description"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"github.com/millweir/millweir/stream"
)

// ErrBadReply is mongosource.ErrBadReply.
var ErrBadReply = stream.Mark(errors.New("the server's reply makes no sense"), stream.Fatal)

// BadReply reports whether err says that a server's reply made no sense, to this library or to the
// driver. If no server was found in time, it reports whether a server sent such a reply while
// connecting and every server's error is permanent.
func BadReply(err error) bool {
	switch {
	case err == nil || ofArgument(err):
		return false
	case errors.Is(err, ErrBadReply) || Panicked(err):
		return true
	}
	if selection, ok := errors.AsType[topology.ServerSelectionError](err); ok {
		return !ofSelection(selection).Transient() && slices.ContainsFunc(selection.Desc.Servers, repliedBadly)
	}
	if reply, ok := replyOf(err); ok {
		return noReason(reply)
	}
	for _, sentinel := range []error{
		driver.ErrNoCursor, driver.ErrNoDocCommandResponse, driver.ErrMultiDocCommandResponse,
		driver.ErrReplyDocumentMismatch,
		zlib.ErrHeader, zlib.ErrChecksum, zlib.ErrDictionary, zstd.ErrMagicMismatch,
	} {
		if errors.Is(err, sentinel) {
			return true
		}
	}
	if _, ok := errors.AsType[driver.ResponseError](err); ok {
		return true
	}
	if _, ok := errors.AsType[flate.CorruptInputError](err); ok {
		return true
	}
	for ; err != nil; err = errors.Unwrap(err) {
		if slices.ContainsFunc(untyped, func(begin string) bool { return strings.HasPrefix(err.Error(), begin) }) {
			return true
		}
	}
	return false
}

// repliedBadly reports whether the driver could not connect to s because of a bad reply from s.
func repliedBadly(s description.Server) bool { return s.LastError != nil && BadReply(s.LastError) }

// ofArgument reports whether err is about a value of the caller, such as a malformed filter.
func ofArgument(err error) bool {
	_, ok := errors.AsType[mongo.MarshalError](err)
	return ok
}

// replyOf returns the reply by which a server refused a command. Its code is 0 if the reply has
// none.
func replyOf(err error) (reply driver.Error, ok bool) {
	if command, ok := errors.AsType[mongo.CommandError](err); ok {
		return driver.Error{
			Code: command.Code, Labels: command.Labels, Name: command.Name,
			Raw: bsoncore.Document(command.Raw),
		}, command.Raw != nil
	}
	reply, ok = errors.AsType[driver.Error](err)
	return reply, ok && reply.Raw != nil
}

// noReason reports whether reply is a refusal without a reason: it has no code, name, label or
// text.
func noReason(reply driver.Error) bool {
	if reply.Code != 0 || reply.Name != "" || len(reply.Labels) > 0 {
		return false
	}
	text, err := bson.Raw(reply.Raw).LookupErr("errmsg")
	return err != nil || text.Type != bson.TypeString
}

// untyped lists prefixes of the texts of the driver's errors for a bad reply that have no type or
// value to test for. An error that is missing here is unclassified, which is handled as Fatal.
var untyped = []string{
	"cannot decode result from ",
	"cursor should be an embedded document ",
	"cursor.id should be ",
	"cursor.nextBatch should be ",
	"error getting cursor from database response",
	"error getting elements from cursor",
	"expected BSON type for post batch resume token ",
	"firstBatch should be ",
	"id should be ",
	"length of read message too large",
	"malformed message length",
	"malformed OP_",
	"malformed wire message",
	"ns field must contain ",
	"ns should be ",
	"post batch resume token should be ",
	"unknown compressor ID ",
	"invalid uncompressed size: ",
	"decoding compressed length ",
	"unexpected decompression size, ",
}
