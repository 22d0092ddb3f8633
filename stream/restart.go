package stream

import (
	"context"
	"time"

	"github.com/millweir/millweir/internal/drain"
)

// RestartOptions configures [Restart]. The zero value is ready to use.
type RestartOptions struct {
	Backoff // which failures restart the source, how often, and after what delay

	// Follow also restarts the source when it completes, to emit elements added since. While
	// nothing is added, the delay grows from Min to Max; MaxRetries and MaxElapsed count only
	// failures. The run then ends by a failure, an early end, a drain, or the end of its context.
	Follow bool

	// Verify proves that a source that has completed was at the end. It is called after the
	// downstream accepted the last element, and not after a drain. An error is a failure of the
	// source: Restart continues if Backoff.When accepts it, and otherwise returns it. Verify cannot
	// be combined with Follow. nil trusts every source that completes.
	Verify func(ctx context.Context) error
}

// verify reports whether a source that has completed was at the end.
func (o *RestartOptions) verify(ctx context.Context) error {
	if o.Verify == nil || drain.Begun(ctx) {
		return nil
	}
	return o.Verify(ctx)
}

// Restart returns a source that runs first. If it fails, Restart continues where it stopped: with
// after(p), for the position p of the last element that the downstream accepted, or with first
// again if there is none. opts may be nil.
//
//	events := stream.Restart(read(0), // read(n) is a source of the events after number n
//		func(e Event) int64 { return e.Number },
//		read,
//		nil)
//
// No element is emitted twice and none is lost if three conditions hold, which Restart cannot
// check: positions ascend; after(p) has exactly the elements after p; and all sources read the same
// data. In MongoDB, a filter {_id: {$gt: id}} breaks the second, because it leaves out every _id of
// another type, and a collection that is dropped and created again breaks the third. The Scan of
// package mongosource keeps all three.
//
// To start after a stored position p, let first be after(p). Restart completes when a source does. If
// a source may complete too early, set Verify.
//
//   - Memory: one position. Restart copies its slices, also those in exported fields of structs,
//     because a position may share memory with its element.
//   - Errors: an error that Backoff.When rejects ends the run, unchanged. After too many failures
//     in a row the last error ends the run, wrapped. Errors of the downstream, early ends and the
//     end of the run's context do not restart the source.
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
	case o.Follow && o.Verify != nil:
		return Fail[T](invalidError("Restart: Verify needs an end, and with Follow there is none"))
	case err != nil:
		return Fail[T](err)
	}
	clone := detacher[P]()
	return SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
		var (
			src      = first
			last     P
			hasLast  bool // last is set
			idle     int  // completions in a row without an element
			failures = failureStreak{Backoff: backoff, name: "Restart"}
		)
		for {
			began, moved, emitFailed := time.Now(), false, false
			ownFailure, err := attempt(ctx, src, func(v T) error {
				// Read the position before emit, because the downstream owns the element after it.
				p := clone(position(v))
				if err := emit(v); err != nil {
					emitFailed = true
					return err
				}
				last, hasLast, moved = p, true, true
				return nil
			})
			if err == nil && !o.Follow {
				if err = o.verify(ctx); err == nil {
					return nil
				}
				ownFailure = true
			}
			switch {
			case err != nil && !ownFailure && !emitFailed && ctx.Err() != nil && backoff.When(err):
				// The error would have caused a restart, so it is not the cause of the run's end.
				return context.Cause(ctx)
			case err != nil && !ownFailure:
				return err
			case err == nil:
				failures.retries = 0
				if idle++; moved {
					idle = 0
				}
				err = rest(ctx, backoff.wait(idle))
			default:
				failures.recordRun(time.Since(began), moved)
				err = failures.waitToRetry(ctx, err, rest)
			}
			if err != nil || drain.Begun(ctx) {
				return err // a drained source ends where it stopped
			}
			if hasLast {
				src = after(last)
			}
		}
	})
}
