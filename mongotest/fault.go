package mongotest

import (
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Fault makes commands fail. If several faults match a command, the one injected first applies.
type Fault struct {
	Command string // the name of the command: find, getMore, insert…
	// If limits the fault to the commands for which it returns true; nil means all. It must not call
	// methods of the server.
	If  func(Command) bool
	Nth int // which of these commands, counted from 1 since the injection; 0 means every one

	// Before the command is carried out:
	Delay  time.Duration // waits, until the server closes at the latest
	Close  bool          // closes the connection; the command is not carried out
	Code   int32         // replies with this error; the command is not carried out
	Text   string        // of that error
	Labels []string      // of that error, such as RetryableWriteError

	// After the command is carried out:
	Lose  bool     // closes the connection instead of replying
	Cut   int      // closes the connection after this many bytes of the reply, if more than 0
	Reset bool     // resets the connection (RST) when Close, Lose or Cut closes it
	Reply bson.Raw // is sent instead of the reply

	// Most cuts a batch, if it is more than 0. The reply of a find, getMore or aggregate has at most
	// this many documents, and the cursor goes on after them. An insert stores this many, and then
	// the server closes the connection.
	Most int

	// Wire returns the bytes to send in place of a message, header included. It may change the
	// message. Hang sends nothing after that and keeps the connection open. Both also apply to the
	// command hello, which stands for isMaster too. Other faults of hello are ignored, except for
	// Delay and Reply.
	Wire func(message []byte) []byte
	Hang bool

	// WriteErrors maps the indexes of refused documents of an insert to error codes. The other
	// documents are inserted; if the insert is ordered, only those before the first refused one.
	WriteErrors map[int]int32
	// WriteConcernError is the code of a write concern error. The reply of an insert has it in
	// addition to its count.
	WriteConcernError int32
}

type fault struct {
	Fault
	seen int
}

// Inject adds f, which applies from the next command on.
func (s *Server) Inject(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &fault{Fault: f})
}

// Heal removes all faults.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// fault returns the fault that applies to the command just received, or nil. Every fault of that
// name counts the command.
func (s *Server) fault(c Command) (hit *Fault) {
	for _, f := range s.faults {
		if f.Command != c.Name || f.If != nil && !f.If(c) {
			continue
		}
		f.seen++
		if hit == nil && (f.Nth == 0 || f.Nth == f.seen) {
			hit = &f.Fault
		}
	}
	return hit
}

// failure is the reply of a command that fails.
func failure(code int32, text string, labels ...string) bson.Raw {
	if text == "" {
		text = fmt.Sprintf("mongotest: injected error %d", code)
	}
	d := bson.D{{Key: "ok", Value: 0.0}, {Key: "errmsg", Value: text}, {Key: "code", Value: code}}
	if name := names[code]; name != "" {
		d = append(d, bson.E{Key: "codeName", Value: name})
	}
	if len(labels) > 0 {
		d = append(d, bson.E{Key: "errorLabels", Value: labels})
	}
	return document(d)
}

var names = map[int32]string{
	2: "BadValue", 6: "HostUnreachable", 7: "HostNotFound", 9: "FailedToParse", 13: "Unauthorized",
	26: "NamespaceNotFound",
	43: "CursorNotFound", 48: "NamespaceExists", 50: "MaxTimeMSExpired", 59: "CommandNotFound", 89: "NetworkTimeout",
	91:  "ShutdownInProgress",
	134: "ReadConcernMajorityNotAvailableYet", 175: "QueryPlanKilled", 189: "PrimarySteppedDown", 237: "CursorKilled",
	239: "SnapshotTooOld",
	262: "ExceededTimeLimit", 9001: "SocketException", 10107: "NotWritablePrimary", 11000: "DuplicateKey",
	11600: "InterruptedAtShutdown",
	11602: "InterruptedDueToReplStateChange", 13435: "NotPrimaryNoSecondaryOk", 13436: "NotPrimaryOrSecondary",
}

func document(d bson.D) bson.Raw {
	raw, err := bson.Marshal(d)
	if err != nil {
		panic(fmt.Sprintf("mongotest: %v", err))
	}
	return raw
}
