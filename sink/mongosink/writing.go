package mongosink

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/stream"
)

// target is a collection that is written to.
type target struct {
	client     *mongo.Client     // nil in tests without a server
	coll       *mongo.Collection // with the write concern of the sink; nil in tests without a server
	collection string
	namespace  string // " db.collection", for errors

	// command sends a command once, and returns the reply also with an error. admin sends one to the
	// database of that name.
	command, admin func(context.Context, bson.Raw) (bson.Raw, error)

	concern *writeconcern.WriteConcern // of the collection; nil if it has none
	bad     error                      // why the collection cannot be used
}

func targetOf(coll *mongo.Collection) target {
	if coll == nil {
		return target{bad: errors.New("the collection is nil")}
	}
	db := coll.Database()
	t := target{client: db.Client(), coll: coll, collection: coll.Name(), namespace: mongoerr.Namespace(coll)}
	t.command, t.admin = commandsTo(db), commandsTo(db.Client().Database("admin"))
	var ok bool
	if t.concern, ok = writeConcernOf(coll); !ok {
		t.concern = writeconcern.Majority()
	}
	return t
}

// commandsTo returns a function that sends commands to a database.
func commandsTo(db *mongo.Database) func(context.Context, bson.Raw) (bson.Raw, error) {
	return func(ctx context.Context, command bson.Raw) (raw bson.Raw, err error) {
		defer mongoerr.Recover(&err)
		return db.RunCommand(ctx, command).Raw()
	}
}

// writing is the description of a sink that writes.
type writing struct {
	target
	name  string // of the sink, for errors
	stage string // its function, for errors of the budget
	given bool   // the caller set the number of batches in flight

	batchDocuments, batchBytes, parallelism int

	ordered      bool
	onlyInserts  bool
	perBatch     bool // each batch is a run of its own, and has a session unless the caller has one
	continues    bool // after refused statements
	letters      func(context.Context, RefusedDocument) error
	maxLetters   int64 // 0 means any number
	moveID       bool
	anyTimestamp bool               // sends empty timestamps to any server
	progress     func(InsertResult) // or nil
	retryTimeout time.Duration
	maxLag       time.Duration // 0 means that the replication lag does not matter
	settings     settings
	readLevel    string // the read concern that finds what the write concern guarantees
}

// setConcern sets the write concern of the commands: given, or the collection's, or majority.
func (w *writing) setConcern(given *writeconcern.WriteConcern) error {
	c := given
	if c == nil {
		c = w.concern
	}
	if c == nil {
		c = writeconcern.Majority()
	}
	if !c.Acknowledged() {
		return errors.New("the write concern asks for no reply, so nothing would prove what was written")
	}
	if w.coll != nil {
		w.coll = w.coll.Clone(options.Collection().SetWriteConcern(c))
	}
	var fields bson.D
	if c.W != nil {
		fields = append(fields, bson.E{Key: "w", Value: c.W})
	}
	if c.Journal != nil {
		fields = append(fields, bson.E{Key: "j", Value: *c.Journal})
	}
	if len(fields) > 0 {
		w.settings.writeConcern = fields
	}
	if c.W == nil || c.W == writeconcern.Majority().W {
		w.readLevel = "majority"
	}
	return nil
}

// fail adds the names of the sink and the collection to err.
func (w *writing) fail(err error) error {
	return fmt.Errorf("mongosink: %s%s: %w", w.name, w.namespace, err)
}

// invalid marks an error of settings that cannot work.
func (w *writing) invalid(err error) error { return stream.Mark(w.fail(err), stream.Fatal) }

// run runs the source in fill, which adds its elements to the run, and returns what is known about
// them.
func (w *writing) run(ctx context.Context, fill func(context.Context, *run) error) (WriteResult, error) {
	if err := w.checkSession(ctx); err != nil {
		return WriteResult{}, err
	}
	r, err := w.runOnce(ctx, w.shared(), fill)
	repeatable := func() bool {
		return !r.mayOverturn(w.onlyInserts) && r.tally.repeatable(func() bool { return r.uniqueIDs(ctx) })
	}
	if stream.ClassOf(err).Transient() && !repeatable() {
		err = stream.Mark(err, stream.UnknownOutcome)
	}
	return r.tally.result, err
}

// runOnce is run with the error as it is, whether the run can be repeated or not.
func (w *writing) runOnce(ctx context.Context, s shared, fill func(context.Context, *run) error) (*run, error) {
	r := &run{writing: *w, shared: s, work: make(chan *batch), workersDone: make(chan struct{})}
	r.server.client = w.client
	if session := mongo.SessionFromContext(ctx); session != nil && session.TransactionRunning() {
		r.settings.writeConcern = nil // the transaction has one
	}
	if err := r.makeHeaders(); err != nil {
		return r, w.invalid(err)
	}
	r.account = w.openAccount(ctx)
	defer r.account.Close()
	return r, r.tally.finalError(w, r.consume(ctx, fill))
}

// checkSession returns an error if the caller set a number of batches in flight that a session in
// the context does not allow.
func (w *writing) checkSession(ctx context.Context) error {
	if n := w.parallelism; n > 1 && w.given && mongo.SessionFromContext(ctx) != nil {
		return w.invalid(fmt.Errorf("%d batches in flight, and a session in the context, "+
			"which serves one at a time: Parallelism must be 0 or 1", n))
	}
	return nil
}

// workersIn returns the number of batches in flight: one if there is a session in the context.
func (w *writing) workersIn(ctx context.Context) int {
	if mongo.SessionFromContext(ctx) != nil {
		return 1
	}
	return w.parallelism
}

func (r *run) makeHeaders() (err error) {
	r.settings.collection, r.settings.ordered = r.collection, r.ordered
	for v := range verbs {
		if r.headers[v], err = r.settings.header(v); err != nil {
			return err
		}
	}
	return nil
}
