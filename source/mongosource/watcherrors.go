package mongosource

import (
	"errors"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/stream"
)

// ErrHistoryLost says that a change stream cannot continue without losing events: changes after its
// position have left the server's log (the oplog), or the position is not one of this server. Begin a
// new [Watch], then read the data again. Its class is Fatal.
var ErrHistoryLost = stream.Mark(
	errors.New("the server's log no longer has all changes after the position"), stream.Fatal)

// ErrEventTooLarge says that an event has more than 16 MiB, with its images and its description. See
// [WatchOptions].SplitLargeEvents. Its class is Fatal.
var ErrEventTooLarge = stream.Mark(errors.New("an event has more than 16 MiB"), stream.Fatal)

// ErrInvalidated says that the collection or database of a change stream was dropped or renamed, so
// that the stream has ended. The last event was an OpInvalidate. A [Watch] that begins after its
// position waits for the changes of a new collection of that name. Its class is Fatal.
var ErrInvalidated = stream.Mark(
	errors.New("the change stream has ended: its collection or database was dropped or renamed"), stream.Fatal)

// errResumed says that the driver has opened the stream again by itself, without the checks of this
// package.
var errResumed = stream.Mark(errors.New("the driver lost the cursor of the change stream"), stream.Retryable)

// errNoPosition says that a stream that began at now has failed before its first position was known.
var errNoPosition = fmt.Errorf(
	"%w: the stream failed before the server had given a position to continue from", ErrHistoryLost)

func wrongTarget(position, target string) error {
	if position == wholeDeployment {
		position = "the deployment"
	}
	if target == wholeDeployment {
		target = "the deployment"
	}
	return fmt.Errorf("the position is one of %s, not of %s", position, target)
}

// The server's error codes of change streams.
var (
	codesHistoryLost = []int{
		136,   // CappedPositionLost
		260,   // InvalidResumeToken
		280,   // ChangeStreamFatalError
		286,   // ChangeStreamHistoryLost
		40576, // the same before MongoDB 4.2
		40585, // the same before MongoDB 4.2
	}
	codesTooLarge    = []int{10334}
	codesInvalidated = []int{346}
	codesStandalone  = []int{40573}
	codesView        = []int{166, 167}
	codesRights      = []int{13}
)

// classifyWatch gives an error of the driver its class, and adds what the caller can do.
func classifyWatch(err error) error {
	var server mongo.ServerError
	if errors.Is(err, mongo.ErrMissingResumeToken) {
		return errNoToken
	}
	if !errors.As(err, &server) {
		return classify(err)
	}
	has := func(codes []int) bool { return slices.ContainsFunc(codes, server.HasErrorCode) }
	switch {
	case has(codesHistoryLost):
		return fmt.Errorf("%w: %w", ErrHistoryLost, mongoerr.Bound(err))
	case has(codesTooLarge):
		return fmt.Errorf("%w (see SplitLargeEvents): %w", ErrEventTooLarge, mongoerr.Bound(err))
	case has(codesInvalidated):
		return fmt.Errorf("%w: %w", ErrInvalidated, mongoerr.Bound(err))
	case has(codesStandalone):
		return hint(err, "a change stream needs a replica set, of one member at least, or a sharded cluster")
	case has(codesView):
		return hint(err, "a view has no changes: watch the collections that it reads")
	case has(codesRights):
		return hint(err, "the user needs the actions find and changeStream on what is watched")
	}
	return classify(err)
}

var errNoToken = stream.Mark(errors.New("an event has no _id: the pipeline must keep it as it is"), stream.Fatal)

// hint adds to an error what the caller can do.
func hint(err error, text string) error {
	return stream.Mark(fmt.Errorf("%w (%s)", mongoerr.Bound(err), text), stream.Fatal)
}
