package mongosource

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/stream"
)

// query is the description of a source that reads one cursor.
type query struct {
	name   string        // of the source
	of     any           // the collection or database, for errors
	client *mongo.Client // of it; nil if it is not the driver's
	open   func(ctx context.Context, batchSize int32) (*mongo.Cursor, error)
	probe  probe // of the request that open sends

	at       bson.Timestamp // the time of the snapshot to read; zero for none
	validate bool           // check the structure of every document
	cursorSettings
}

// cursorSettings say how a cursor is read.
type cursorSettings struct {
	batchSize       int // 0 means by bytes
	noReadAhead     bool
	copyDocuments   bool
	maxTime         time.Duration
	maxEmptyBatches int           // 0 means the default
	keepAlive       time.Duration // between two refreshes of the session while the downstream is busy; 0 means never
}

func (q *query) nilCollection() error {
	return stream.Mark(fmt.Errorf("mongosource: %s: the collection is nil", q.name), stream.Fatal)
}

// invalid marks an error of settings that cannot work.
func (q *query) invalid(err error) error { return stream.Mark(q.fail(err), stream.Fatal) }

// fail adds the name of the collection to err.
func (q *query) fail(err error) error {
	return fmt.Errorf("mongosource: %s%s: %w", q.name, mongoerr.Namespace(q.of), err)
}

// A batch counts in a [stream.Budget] with the reply, the copy of its documents, if they are copied,
// and the reply before it, which is still in use while the next one is read. A larger batch counts in
// full if the budget has room.
const (
	copies    = 3
	batchCost = copies * replyBytesBudget
)

// openAccount returns the account of a run.
func (q *query) openAccount(ctx context.Context) *stream.Account {
	return stream.OpenAccount(ctx, stream.Need{
		Stage: "mongosource." + strings.ToUpper(q.name[:1]) + q.name[1:],
		Min:   batchCost,
	})
}

// checkDoc returns an error if d is not a document, as far as the options ask.
func (q *query) checkDoc(d []byte) *MalformedError {
	if q.validate {
		return checkDocument(d)
	}
	return checkFrame(d)
}

// each emits the documents of the query.
func (q *query) each(ctx context.Context, emit func(bson.Raw) error) error {
	drained := stream.Draining(ctx)
	account := q.openAccount(ctx)
	defer account.Close()
	return q.batches(ctx, account, func(docs []bson.Raw) error {
		for _, doc := range docs {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			select {
			case <-drained:
				return errEnd
			default:
			}
			if err := emit(doc); err != nil {
				return err
			}
		}
		return nil
	})
}

// batches emits the documents of the query in batches. emit returns errEnd to end it early without
// an error.
func (q *query) batches(ctx context.Context, account *stream.Account, emit func([]bson.Raw) error) error {
	c := &cursor{
		query:   q,
		wait:    &waitBudget{limited: q.maxTime > 0, left: q.maxTime},
		empty:   emptyBatches{limit: cmp.Or(q.maxEmptyBatches, defaultEmptyBatches)},
		drained: stream.Draining(ctx),
		account: account,
		copiers: newCopiers(1),
	}
	c.copiers.inPlace = !q.copyDocuments && ownsReplies()
	select {
	case <-c.drained:
		return context.Cause(ctx)
	default:
	}
	if q.noReadAhead || mongo.SessionFromContext(ctx) != nil { // only one goroutine may use a session
		return readInline(ctx, c, emit)
	}
	n, err := stream.Parallelism(ctx, 0)
	if err != nil {
		return q.invalid(err)
	}
	if inPlace := c.copiers.inPlace; !inPlace || q.validate { // to check frames is little work
		c.copiers = newCopiers(n)
		c.copiers.inPlace = inPlace
	}
	return readAhead(ctx, c, emit)
}
