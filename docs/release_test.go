package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReleaseRecipe checks what goreleaser would not: that the files exist which the recipe names,
// that the linker sets a variable of the program, and that the binaries are for all promised
// systems.
func TestReleaseRecipe(t *testing.T) {
	read := func(name string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	recipe := read(".goreleaser.yaml")
	for _, line := range []string{
		"goos: [linux, darwin, windows]", "goarch: [amd64, arm64]", "env: [CGO_ENABLED=0]", "-trimpath",
		`mod_timestamp: "{{ .CommitTimestamp }}"`, "LICENSE", "README.md", "name_template: SHA256SUMS",
	} {
		if !strings.Contains(recipe, line) {
			t.Errorf("the recipe does not say %s", line)
		}
	}
	variable := regexp.MustCompile(`-X main\.(\w+)=`).FindStringSubmatch(recipe)
	if variable == nil || !strings.Contains(read("cmd/millweir/app.go"), "\nvar "+variable[1]+" string\n") {
		t.Errorf("the linker sets the variable %v, which the program does not have", variable)
	}
	page := read("docs/release.md")
	for _, name := range []string{".ci/release-files", ".ci/Dockerfile"} {
		if read(name) == "" || !strings.Contains(recipe, name) {
			t.Errorf("the recipe does not use %s", name)
		}
	}
	files := read(".ci/release-files")
	for _, name := range regexp.MustCompile(`\.release/[\w.-]+`).FindAllString(recipe, -1) {
		if !strings.Contains(files, name) {
			t.Errorf(".ci/release-files does not make %s", name)
		}
	}
	if !strings.Contains(page, "goreleaser/v2@v") {
		t.Error("release.md does not say which version of goreleaser")
	}
}
