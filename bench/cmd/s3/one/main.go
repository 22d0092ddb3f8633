// One transfers one object, as its input describes, and prints its size. Its memory is measured, so
// it has nothing that a program does not need for the transfer.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/millweir/millweir/bench/cmd/s3/transfers"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

func run() error {
	var t transfers.Task
	if err := json.NewDecoder(os.Stdin).Decode(&t); err != nil {
		return err
	}
	n, err := t.Run()
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(n)
}
