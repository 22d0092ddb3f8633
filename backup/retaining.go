package backup

import (
	"context"
	"time"

	"github.com/millweir/millweir/stream"
)

// retaining returns r, with a store that protects from deletion what it stores until a time. A zero
// time changes nothing.
func (r *Repository) retaining(until time.Time) *Repository {
	if until.IsZero() {
		return r
	}
	protected := *r
	protected.store = retainingStore{r.store, until}
	return &protected
}

// retainingStore protects every object that is stored.
type retainingStore struct {
	Store
	until time.Time
}

func (s retainingStore) Put(key string, _ *PutOptions) stream.Sink[[]byte, Object] {
	return s.Store.Put(key, &PutOptions{RetainUntil: s.until})
}

// Hold implements [Holder].
func (s retainingStore) Hold(ctx context.Context, key string, until time.Time) error {
	holder, ok := s.Store.(Holder)
	if !ok {
		return ErrNoHold
	}
	return holder.Hold(ctx, key, until)
}

// hold protects an object that is named again, as long as new ones are.
func (r *Repository) hold(ctx context.Context, key string) error {
	s, ok := r.store.(retainingStore)
	if !ok {
		return nil
	}
	return s.Hold(ctx, key, s.until)
}
