package storetest_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/memstore"
	"github.com/millweir/millweir/backup/storetest"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

func ExampleFaults() {
	ctx := context.Background()
	put := func(store backup.Store) error {
		_, err := stream.Run(ctx, source.Of([]byte("x")), store.Put("data/orders", nil))
		return err
	}

	var faults storetest.Faults
	faults.Add(storetest.Fault{Op: "Put", After: func(error) error {
		return stream.Mark(errors.New("the reply is lost"), stream.UnknownOutcome)
	}})
	store := faults.Wrap(memstore.New(nil))
	fmt.Println(put(store))
	fmt.Println(put(store))
	// Output:
	// the reply is lost
	// memstore: put data/orders: the key already has an object
}
