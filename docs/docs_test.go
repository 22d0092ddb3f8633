// Package docs_test checks the pages against the code: programs, commands, names, links and tables.
package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// TestProgramsCompile compiles the Go files in the pages. It lists the pages that show one, so that
// a changed fence does not hide a file from the test.
func TestProgramsCompile(t *testing.T) {
	for page, want := range map[string]int{"from-akka.md": 1} {
		text := readPage(t, page)
		files := regexp.MustCompile("(?s)```go\n(package .*?)```").FindAllStringSubmatch(text, -1)
		if len(files) != want {
			t.Errorf("%s shows %d Go files, not %d", page, len(files), want)
		}
		for _, file := range files {
			name := filepath.Join(t.TempDir(), "shown.go")
			if err := os.WriteFile(name, []byte(file[1]), 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command("gofmt", "-l", name).CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("%s: a Go file is not formatted: %v\n%s", page, err, out)
			}
			if out, err := exec.Command("go", "vet", name).CombinedOutput(); err != nil {
				t.Errorf("%s: a Go file does not compile: %v\n%s", page, err, out)
			}
		}
	}
}

// readPage returns the text of a file.
func readPage(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
