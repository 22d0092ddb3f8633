package main

import "github.com/millweir/millweir/internal/printable"

// printed returns a text from outside, such as a label or the name of a collection, for a terminal.
func printed(text string) string { return printable.Text(text) }
