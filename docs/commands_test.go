package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestCommands checks the commands that the pages show, without running them. The tests named by
// go test -run exist in the packages of the command, and a program has the flags it is given.
func TestCommands(t *testing.T) {
	n := 0
	for _, p := range pages(t) {
		for _, code := range p.code() {
			switch {
			case strings.HasPrefix(code, "go test ") && strings.Contains(code, " -run "):
				n++
				testsMatch(t, p, code)
			case strings.HasPrefix(code, "go run ./"):
				n++
				flagsExist(t, p, code)
			}
		}
	}
	if n < 5 {
		t.Errorf("found only %d commands: the pages have more", n)
	}
}

// testsMatch looks for the tests that a go test command names by -run.
func testsMatch(t *testing.T, p page, command string) {
	t.Helper()
	words := fields(command)
	var folders []string
	var run string
	for i, word := range words {
		if strings.HasPrefix(word, "./") {
			folders = append(folders, word)
		}
		if word == "-run" && i+1 < len(words) {
			run = words[i+1]
		}
	}
	if run == "^$" {
		return // benchmarks
	}
	want, err := regexp.Compile(run)
	if err != nil {
		t.Errorf("%s: %s: %v", p.name, command, err)
		return
	}
	for _, folder := range folders {
		for _, name := range testsIn(t, folder) {
			if want.MatchString(name) {
				return
			}
		}
	}
	t.Errorf("%s: no test of %v matches -run %s", p.name, folders, run)
}

// testsIn returns the names of the tests in a folder, and below it if folder ends with "...".
func testsIn(t *testing.T, folder string) []string {
	t.Helper()
	folder, below := strings.CutSuffix(folder, "...")
	var tests []string
	err := filepath.WalkDir(filepath.Join("..", folder), func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && !below && filepath.Clean(path) != filepath.Join("..", folder):
			return filepath.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		for _, found := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Example)\w*)\(`).FindAllSubmatch(text, -1) {
			tests = append(tests, string(found[1]))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return tests
}

// flagsExist looks for the flags of a go run command. Each must be a string in the code of the
// program's module, whose packages define the flags.
func flagsExist(t *testing.T, p page, command string) {
	t.Helper()
	words := fields(strings.TrimPrefix(command, "go run "))
	module, _, _ := strings.Cut(strings.TrimPrefix(words[0], "./"), "/")
	for _, word := range words[1:] {
		name := regexp.MustCompile(`^-([a-z][a-z-]*)$`).FindStringSubmatch(word)
		if name == nil {
			continue
		}
		defined := exec.Command("grep", "-rqF", "--include=*.go", `"`+name[1]+`"`, filepath.Join("..", module))
		if defined.Run() != nil {
			t.Errorf("%s: %s: flag -%s does not exist", p.name, command, name[1])
		}
	}
}

// fields splits a command into its words. Text between single quotes is one word.
func fields(command string) []string {
	var words []string
	for _, found := range regexp.MustCompile(`'([^']*)'|(\S+)`).FindAllStringSubmatch(command, -1) {
		words = append(words, found[1]+found[2])
	}
	return words
}
