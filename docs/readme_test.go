package docs_test

import (
	"regexp"
	"strings"
	"testing"
)

// TestReadmePipeline checks that the pipeline at the top of the README is part of the program below
// it. examples/cookies compiles and runs that program.
func TestReadmePipeline(t *testing.T) {
	text := readPage(t, "../README.md")
	shown := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(text, -1)
	if len(shown) < 3 {
		t.Fatalf("the README shows %d pieces of Go, want a pipeline, its mirror and a program", len(shown))
	}
	program := shown[len(shown)-1][1]
	if !strings.HasPrefix(program, "package main\n") {
		t.Fatal("the last piece of Go in the README is not a program")
	}
	for line := range strings.Lines(shown[0][1]) {
		if !strings.Contains(program, strings.TrimSpace(line)) {
			t.Errorf("the program of the README does not contain this line of its pipeline: %s", line)
		}
	}
}
