package stream

import (
	"context"
	"time"

	"github.com/millweir/millweir/internal/drain"
)

// RestartOptions tunes [Restart]. The zero value is ready to use.
type RestartOptions struct {
	Backoff // which failures, how often, after what time

	// Follow restarts the source also when it completes, to emit what was added since. The waits grow from Min to Max
	// while nothing is; MaxRetries and MaxElapsed count failures only. The run then ends by a failure, an early end or its context.
	Follow bool
}

// Restart returns a source that runs first and, when that fails, goes on where it stopped: with the source that after makes of the
// position of the last element that the downstream took. When there was none yet it runs first again. opts may be nil.
//
//	scan := func(filter bson.D) stream.Source[bson.Raw] { return mongosource.Find(coll, filter, byID) } // sorted by _id
//	docs := stream.Restart(scan(bson.D{}),
//		func(doc bson.Raw) bson.RawValue { return doc.Lookup("_id") },
//		func(id bson.RawValue) stream.Source[bson.Raw] {
//			return scan(bson.D{{"$expr", bson.D{{"$gt", bson.A{"$_id", bson.D{{"$literal", id}}}}}}})
//		},
//		nil)
//
// Nothing comes twice and nothing is lost if three things hold, which Restart cannot check:
// positions ascend in the order of the elements; after(p) has exactly the elements after p; and all
// sources read the same data. The example shows why: {_id: {$gt: id}} would leave out every _id of
// another type than id's, and a collection that was dropped and made again between two tries has
// other documents. Both end in a short or mixed success. The example of package mongosource
// compares the collection's UUID too.
//
// To go on with a position that an earlier run stored, let first be after of that.
//
//   - Memory: one position, with copies of its slices, also those in exported fields of structs: it may be a part of the element.
//   - Order and goroutines: fused; it holds no element.
//   - Errors: those that Backoff.When does not want tried again end the run as they are; so does the last one, wrapped, when there
//     were too many in a row. Errors of the downstream, early ends and the end of the run's context restart nothing.
func Restart[T, P any](first Source[T], position func(T) P, after func(P) Source[T], opts *RestartOptions) Source[T] {
	var o RestartOptions
	if opts != nil {
		o = *opts
	}
	backoff, err := o.filled("Restart")
	switch {
	case first == nil:
		return Fail[T](errNilSource)
	case position == nil || after == nil:
		return Fail[T](invalidError("Restart: a function is nil"))
	case err != nil:
		return Fail[T](err)
	}
	own := detacher[P]()
	return SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
		var (
			src      = first
			last     P
			some     bool // there is a last position
			idle     int  // completions in a row without an element
			failures = row{Backoff: backoff, name: "Restart"}
		)
		for {
			began, moved, refused := time.Now(), false, false
			mine, err := attempt(ctx, src, func(v T) error {
				p := own(position(v)) // now: the element is not ours afterwards
				if err := emit(v); err != nil {
					refused = true
					return err
				}
				last, some, moved = p, true, true
				return nil
			})
			switch {
			case err == nil && !o.Follow:
				return nil
			case err != nil && !mine && !refused && ctx.Err() != nil && backoff.When(err):
				return context.Cause(ctx) // err would have been mended: it ends nothing
			case err != nil && !mine:
				return err
			case err == nil:
				failures.retries = 0
				if idle++; moved {
					idle = 0
				}
				err = rest(ctx, backoff.wait(idle))
			default:
				failures.ran(time.Since(began), moved)
				err = failures.again(ctx, err, rest)
			}
			if err != nil || drain.Begun(ctx) {
				return err // a drained source ends where it stopped
			}
			if some {
				src = after(last)
			}
		}
	})
}
