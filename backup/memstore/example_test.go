package memstore_test

import (
	"context"
	"fmt"
	"log"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/memstore"
)

func Example() {
	store := memstore.New(nil)
	repository, err := backup.Init(context.Background(), store, backup.Keys{}, &backup.InitOptions{Plain: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(repository.ID()), "digits")
	// Output: 32 digits
}
