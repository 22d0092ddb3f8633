package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// playRole does the work of a process with a role, and reports whether this process has one.
func playRole(args []string) bool {
	if len(args) != 2 || args[1] != serverRole && args[1] != transferRole {
		return false
	}
	role := serve
	if args[1] == transferRole {
		role = transferOne
	}
	if err := role(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	return true
}

// transferOne does the transfer that in describes, and writes its size.
func transferOne(in io.Reader, out io.Writer) error {
	var t transfer
	if err := json.NewDecoder(in).Decode(&t); err != nil {
		return err
	}
	n, err := t.run()
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(n)
}
