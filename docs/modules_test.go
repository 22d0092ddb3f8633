package docs_test

import (
	"encoding/json"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDirectDependencies compares the table of direct dependencies with the go.mod files of all
// modules, in both directions.
func TestDirectDependencies(t *testing.T) {
	text := readPage(t, "dependencies.md")
	said := make(map[string]string)
	row := regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (.*?) \\|.*\\|.*\\|$")
	for _, found := range row.FindAllStringSubmatch(text, -1) {
		said[found[1]] = strings.ReplaceAll(found[2], "`", "")
	}
	required := make(map[string]string)
	for _, folder := range []string{
		".", "backup/blobstore", "stream/otelstream", "cmd/millweir", "examples", "examples/cookies",
		"integration", "bench",
	} {
		for _, module := range directly(t, folder) {
			if module != root && !strings.HasPrefix(module, root+"/") {
				required[module] = strings.TrimPrefix(required[module]+", "+folder, ", ")
			}
		}
	}
	for _, module := range slices.Sorted(maps.Keys(required)) {
		if said[module] != required[module] {
			t.Errorf("%s is required by %s, but by %q in dependencies.md", module, required[module], said[module])
		}
	}
	for module := range said {
		if required[module] == "" {
			t.Errorf("dependencies.md lists %s, which no go.mod requires directly", module)
		}
	}
}

// directly returns the modules that the module in a folder requires without the comment
// "indirect".
func directly(t *testing.T, folder string) []string {
	t.Helper()
	edit := exec.Command("go", "mod", "edit", "-json")
	edit.Dir = filepath.Join("..", folder)
	out, err := edit.Output()
	if err != nil {
		t.Fatal(err)
	}
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, r := range mod.Require {
		if !r.Indirect {
			all = append(all, r.Path)
		}
	}
	return all
}
