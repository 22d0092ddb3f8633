package backup

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"filippo.io/age"

	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

var errKilledHere = errors.New("killed")

// killedHere is a store whose process is killed at its n-th change, which is made if applied.
type killedHere struct {
	Store
	left    atomic.Int64
	applied bool
}

func killedAt(store Store, n int, applied bool) *killedHere {
	k := &killedHere{Store: store, applied: applied}
	k.left.Store(int64(n))
	return k
}

func (k *killedHere) change(f func() error) error {
	left := k.left.Add(-1)
	if left > 0 {
		return f()
	}
	if left == 0 && k.applied {
		_ = f()
	}
	return errKilledHere
}

func (k *killedHere) Put(key string, opts *PutOptions) stream.Sink[[]byte, Object] {
	return stream.SinkFunc[[]byte, Object](func(ctx context.Context, src stream.Source[[]byte]) (o Object, err error) {
		return o, k.change(func() error {
			o, err = k.Store.Put(key, opts).Consume(ctx, src)
			return err
		})
	})
}

func (k *killedHere) Delete() stream.Sink[string, int64] {
	return stream.SinkFunc[string, int64](func(ctx context.Context, src stream.Source[string]) (n int64, _ error) {
		return n, src.Each(ctx, func(key string) error {
			n++
			return k.change(func() error {
				_, err := k.Store.Delete().Consume(ctx, source.Of(key))
				return err
			})
		})
	})
}

// mustRecipient returns the recipient of the newest epoch.
func mustRecipient(t *testing.T, r *Repository) age.Recipient {
	t.Helper()
	_, recipient, err := r.recipient(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return recipient
}
