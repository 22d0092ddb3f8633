package millweir_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// classedPackages are the packages in which every new error has a class. s3fault.Mark gives a class
// to the errors that they pass on.
var classedPackages = []string{
	"internal/s3fault", "internal/s3reply", "internal/s3retry", "sink/s3sink", "source/s3source",
}

// TestEveryMadeErrorHasAClass finds the errors that are made from text alone: errors.New, and
// fmt.Errorf without a %w. Each must be made inside a call of stream.Mark.
func TestEveryMadeErrorHasAClass(t *testing.T) {
	found := 0
	for _, folder := range classedPackages {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			marked := make(map[ast.Node]bool)
			ast.Inspect(file, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				switch name := called(call); {
				case name == "stream.Mark":
					found++
					for _, arg := range call.Args {
						marked[arg] = true
					}
				case marked[call]:
				case name == "errors.New", name == "fmt.Errorf" && !wraps(call):
					t.Errorf("%s: this error has no class", set.Position(call.Pos()))
				}
				return true
			})
		}
	}
	if found < 20 {
		t.Errorf("only %d errors are marked", found)
	}
}

// called returns the name of a function of another package, as "package.Name".
func called(call *ast.CallExpr) string {
	if f, ok := call.Fun.(*ast.SelectorExpr); ok {
		if pkg, ok := f.X.(*ast.Ident); ok {
			return pkg.Name + "." + f.Sel.Name
		}
	}
	return ""
}

// wraps reports whether a call of fmt.Errorf wraps another error, which has a class.
func wraps(call *ast.CallExpr) bool {
	wraps := false
	ast.Inspect(call.Args[0], func(n ast.Node) bool {
		if text, ok := n.(*ast.BasicLit); ok && strings.Contains(text.Value, "%w") {
			wraps = true
		}
		return true
	})
	return wraps
}
