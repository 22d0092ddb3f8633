package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// page is a Markdown page: its path from the root of the repository, and its text.
type page struct {
	name string
	text string
}

// pages returns all pages.
func pages(t *testing.T) []page {
	t.Helper()
	var all []page
	for _, pattern := range []string{"../*.md", "*.md"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %d pages, %v", pattern, len(names), err)
		}
		for _, name := range names {
			text := readPage(t, name)
			all = append(all, page{filepath.ToSlash(filepath.Join("docs", name)), text})
		}
	}
	return all
}

// code returns the code in the page: spans between backticks and indented commands, but not fenced
// programs.
func (p page) code() []string {
	text := regexp.MustCompile("(?s)```.*?```").ReplaceAllString(p.text, "")
	var code []string
	for _, span := range regexp.MustCompile("`([^`\n]+)`").FindAllStringSubmatch(text, -1) {
		code = append(code, strings.ReplaceAll(span[1], `\|`, "|")) // in a table
	}
	return append(code, p.commands()...)
}

// commands returns the page's indented lines, without their comments.
func (p page) commands() []string {
	var all []string
	for line := range strings.Lines(p.text) {
		if command, ok := strings.CutPrefix(line, "    "); ok {
			command, _, _ = strings.Cut(command, "  #")
			all = append(all, strings.TrimSpace(command))
		}
	}
	return all
}

// TestLinks follows the links between the pages, and from the pages to files.
func TestLinks(t *testing.T) {
	n := 0
	for _, p := range pages(t) {
		for _, link := range regexp.MustCompile(`\]\(([^)#\s]+)(?:#[^)]*)?\)`).FindAllStringSubmatch(p.text, -1) {
			if strings.Contains(link[1], "://") {
				continue
			}
			n++
			if _, err := os.Stat(filepath.Join("..", filepath.Dir(p.name), link[1])); err != nil {
				t.Errorf("%s: broken link: %v", p.name, err)
			}
		}
	}
	if n < 40 {
		t.Errorf("found only %d links: the pages have more", n)
	}
}

// TestPaths looks for the files and folders that the pages name as code.
func TestPaths(t *testing.T) {
	path := regexp.MustCompile(`^(?:\./)?((?:\.ci|\.github|bench|codec|docs|examples|integration|internal|` +
		`sink|source|stream)(?:/[\w.-]+)+)/?$`)
	n := 0
	for _, p := range pages(t) {
		for _, code := range p.code() {
			for word := range strings.FieldsSeq(code) {
				found := path.FindStringSubmatch(strings.TrimSuffix(strings.Trim(word, `"',;`), "/..."))
				if found == nil || strings.Contains(word, "...") && !strings.HasSuffix(word, "/...") {
					continue
				}
				n++
				if _, err := os.Stat(filepath.Join("..", found[1])); err != nil {
					t.Errorf("%s names %s: %v", p.name, word, err)
				}
			}
		}
	}
	if n < 30 {
		t.Errorf("found only %d paths: the pages have more", n)
	}
}
