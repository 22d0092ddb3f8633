package memstore_test

import (
	"testing"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/memstore"
	"github.com/millweir/millweir/backup/storetest"
)

func TestStore(t *testing.T) {
	open := func(*testing.T) backup.Store { return memstore.New(nil) }
	storetest.Run(t, open)
	storetest.RunLarge(t, open)
}
