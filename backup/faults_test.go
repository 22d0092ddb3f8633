package backup_test

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/stream"
)

var errKilled = errors.New("killed")

// killedStore is a store whose process is killed: its n-th change and all operations after it fail.
// With applied, the n-th change is still made.
type killedStore struct {
	backup.Store
	left    atomic.Int64 // changes before the last
	applied bool
}

func killAt(store backup.Store, n int, applied bool) *killedStore {
	k := &killedStore{Store: store, applied: applied}
	k.left.Store(int64(n))
	return k
}

// change makes a change by f, or not.
func (k *killedStore) change(f func() error) error {
	left := k.left.Add(-1)
	if left == 0 && k.applied {
		_ = f()
	}
	if left <= 0 {
		return errKilled
	}
	return f()
}

func (k *killedStore) Put(key string, opts *backup.PutOptions) stream.Sink[[]byte, backup.Object] {
	return stream.SinkFunc[[]byte, backup.Object](
		func(ctx context.Context, src stream.Source[[]byte]) (o backup.Object, err error) {
			err = k.change(func() error {
				o, err = k.Store.Put(key, opts).Consume(ctx, src)
				return err
			})
			return o, err
		})
}

// Delete counts each key as a change.
func (k *killedStore) Delete() stream.Sink[string, int64] {
	return stream.SinkFunc[string, int64](func(ctx context.Context, src stream.Source[string]) (n int64, err error) {
		err = src.Each(ctx, func(key string) error {
			n++
			return k.change(func() error {
				one := stream.SourceFunc[string](func(_ context.Context, emit func(string) error) error {
					return emit(key)
				})
				_, err := k.Store.Delete().Consume(ctx, one)
				return err
			})
		})
		return n, err
	})
}
