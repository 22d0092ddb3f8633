package storetest_test

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/millweir/millweir/backup/memstore"
	"github.com/millweir/millweir/backup/storetest"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// The operations of processes come in an order that depends on the seed only, and those of one
// process in its own.
func TestTurns(t *testing.T) {
	run := func(seed uint64) (log []string) {
		synctest.Test(t, func(t *testing.T) {
			turns, store := storetest.NewTurns(seed), memstore.New(nil)
			for _, name := range []string{"a", "b", "c"} {
				turns.Go(name, func(f *storetest.Faults) {
					for _, key := range []string{"1", "2", "3"} {
						_, err := stream.Run(t.Context(), source.Of([]byte("x")), f.Wrap(store).Put(name+key, nil))
						if err != nil {
							t.Error(err)
						}
					}
				})
			}
			turns.Run()
			log = turns.Log()
		})
		return log
	}
	orders := map[string]bool{}
	for seed := range uint64(10) {
		log := run(seed)
		if !slices.Equal(log, run(seed)) || len(log) != 9 {
			t.Errorf("seed %d: %q", seed, log)
		}
		order := ""
		for _, line := range log {
			order += line[len(line)-2:]
		}
		orders[order] = true
	}
	if len(orders) < 8 {
		t.Errorf("%d orders", len(orders))
	}
}
