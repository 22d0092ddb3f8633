package stream_test

import (
	"go/ast"
	"os"
	"regexp"
	"strings"
	"testing"
)

// The package comment links every exported function under the heading Operators, each once.
func TestDocListsOperators(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, list, found := strings.Cut(string(text), "// # Operators\n")
	if !found {
		t.Fatal("doc.go has no heading Operators")
	}
	links := map[string]int{}
	for _, link := range regexp.MustCompile(`\[([A-Z]\w*)\]`).FindAllStringSubmatch(list, -1) {
		links[link[1]]++
	}
	files, _ := parsePackage(t, ".")
	for _, file := range files {
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !f.Name.IsExported() {
				continue
			}
			if n := links[f.Name.Name]; n != 1 {
				t.Errorf("doc.go links %s %d times under Operators, want once", f.Name.Name, n)
			}
			delete(links, f.Name.Name)
		}
	}
	for name := range links {
		t.Errorf("doc.go links %s under Operators, which is not an exported function", name)
	}
}
