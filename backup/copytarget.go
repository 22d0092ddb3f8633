package backup

import (
	"context"
	"errors"
	"time"

	"github.com/millweir/millweir/internal/lend"
	"github.com/millweir/millweir/internal/upstream"
	"github.com/millweir/millweir/stream"
)

// CopyTargetError is an error of a [View.Copy] about the target: the store that gets the copy, or
// an object that is already there. All other errors are about the backup that is copied. Its class
// is that of its cause.
type CopyTargetError struct{ Cause error }

// Error implements error.
func (e *CopyTargetError) Error() string { return "the target of the copy: " + e.Cause.Error() }

// Unwrap returns the cause.
func (e *CopyTargetError) Unwrap() error { return e.Cause }

// ofTarget returns err as a [CopyTargetError], unless it is nil, one already, or a cancellation.
func ofTarget(err error) error {
	if err == nil || isOfTarget(err) || stream.ClassOf(err) == stream.Canceled {
		return err
	}
	return &CopyTargetError{err}
}

func isOfTarget(err error) bool { return errors.As(err, new(*CopyTargetError)) }

// copyTarget is a store that returns each error as a [CopyTargetError].
type copyTarget struct{ Store }

// Put implements [Store].
func (t copyTarget) Put(key string, opts *PutOptions) stream.Sink[[]byte, Object] {
	return stream.SinkFunc[[]byte, Object](func(ctx context.Context, src stream.Source[[]byte]) (Object, error) {
		watched := upstream.Watch(src)
		object, err := t.Store.Put(key, opts).Consume(ctx, watched)
		if watched.Err != nil || ctx.Err() != nil {
			return object, err
		}
		return object, ofTarget(err)
	})
}

// Get implements [Store].
func (t copyTarget) Get(key string, opts *GetOptions) stream.Source[[]byte] {
	return lend.Source(func(ctx context.Context, emit func([]byte) error, lent bool) error {
		if lent {
			return eachOfTarget(ctx, emit, func(take func([]byte) error) error {
				return stream.EachLent(ctx, t.Store.Get(key, opts), take)
			})
		}
		return eachOfTarget(ctx, emit, func(take func([]byte) error) error {
			return t.Store.Get(key, opts).Each(ctx, take)
		})
	})
}

// List implements [Store].
func (t copyTarget) List(prefix string) stream.Source[Object] {
	return stream.SourceFunc[Object](func(ctx context.Context, emit func(Object) error) error {
		return eachOfTarget(ctx, emit, func(take func(Object) error) error {
			return t.Store.List(prefix).Each(ctx, take)
		})
	})
}

// Delete implements [Store].
func (t copyTarget) Delete() stream.Sink[string, int64] {
	return stream.SinkFunc[string, int64](func(ctx context.Context, src stream.Source[string]) (int64, error) {
		n, err := t.Store.Delete().Consume(ctx, src)
		return n, ofTarget(err)
	})
}

// eachOfTarget runs a source of the target. An error of emit is returned unchanged.
func eachOfTarget[T any](ctx context.Context, emit func(T) error, run func(take func(T) error) error) error {
	var stopped error
	err := run(func(v T) error {
		stopped = emit(v)
		return stopped
	})
	if stopped != nil || ctx.Err() != nil {
		return err
	}
	return ofTarget(err)
}

// Hold implements [Holder].
func (t copyTarget) Hold(ctx context.Context, key string, until time.Time) error {
	holder, ok := t.Store.(Holder)
	if !ok {
		return ofTarget(ErrNoHold)
	}
	return ofTarget(holder.Hold(ctx, key, until))
}
