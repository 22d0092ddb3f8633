package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// TestLimits compares SECURITY.md with the code. The table of limits names each option of codec and
// its subpackages that begins with Max.
func TestLimits(t *testing.T) {
	text := readPage(t, "../SECURITY.md")
	n := 0
	for _, pattern := range []string{"../codec/*.go", "../codec/*/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				continue // the file needs a later version of the language
			}
			for _, option := range limitsIn(file) {
				n++
				if !strings.Contains(text, "`"+option+"`") {
					t.Errorf("SECURITY.md does not name the limit %s", option)
				}
			}
		}
	}
	if n < 25 {
		t.Errorf("found only %d limits", n)
	}
}

// limitsIn returns the fields Max… of the types …Options in a file.
func limitsIn(file *ast.File) []string {
	var all []string
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.TypeSpec)
		if !ok || !strings.HasSuffix(spec.Name.Name, "Options") {
			return true
		}
		fields, ok := spec.Type.(*ast.StructType)
		if !ok {
			return true
		}
		for _, field := range fields.Fields.List {
			for _, name := range field.Names {
				if strings.HasPrefix(name.Name, "Max") {
					all = append(all, spec.Name.Name+"."+name.Name)
				}
			}
		}
		return false
	})
	return all
}
