package docs_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// longFile is the number of lines above which a file has a line in the map.
const longFile = 100

// TestMap compares the map in design.md with the tree. The map has a line for each package, and one
// for each file of more than longFile lines that is not a test. Every path in it exists.
func TestMap(t *testing.T) {
	page := readPage(t, "design.md")
	_, text, found := strings.Cut(page, "\n## Map\n")
	if !found {
		t.Fatal("design.md has no section Map")
	}
	mapped := map[string]bool{".": true}
	for _, line := range regexp.MustCompile("(?m)^ *- \\**`([^`]+)`\\**: \\S").FindAllStringSubmatch(text, -1) {
		if mapped[line[1]] {
			t.Errorf("the map names %s twice", line[1])
		}
		mapped[line[1]] = true
		if _, err := os.Stat(filepath.Join("..", line[1])); err != nil {
			t.Errorf("the map names %s: %v", line[1], err)
		}
	}
	packages, long := goTree(t)
	for folder := range packages {
		if !mapped[folder] {
			t.Errorf("the map in design.md does not name the package %s", folder)
		}
	}
	for file, lines := range long {
		if !mapped[file] {
			t.Errorf("the map in design.md does not name %s, which has %d lines", file, lines)
		}
	}
	if len(packages) < 40 || len(long) < 100 {
		t.Errorf("found only %d packages and %d long files", len(packages), len(long))
	}
}

// goTree returns the folders that hold Go files, and the length of each long file that is not a
// test.
func goTree(t *testing.T) (packages map[string]bool, long map[string]int) {
	t.Helper()
	packages, long = map[string]bool{}, map[string]int{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != ".." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go"):
			return nil
		}
		name, err := filepath.Rel("..", path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		packages[filepath.ToSlash(filepath.Dir(name))] = true
		if strings.HasSuffix(name, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if lines := bytes.Count(text, []byte("\n")); lines > longFile {
			long[name] = lines
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return packages, long
}
