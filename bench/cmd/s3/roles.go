package main

import (
	"fmt"
	"os"
)

// playRole serves if this process is the server, and reports whether it is.
func playRole(args []string) bool {
	if len(args) != 2 || args[1] != serverRole {
		return false
	}
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	return true
}
