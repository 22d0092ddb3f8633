package stream_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// unsuited lists stages for which no conformance suite exists, with the reason.
var unsuited = map[string]string{
	"stream.Fail":          "it has no element",
	"stream.FlowOfCoupled": "its source may end it before its input: TestFlowOfCompletesItsSink, TestDrainLosesNothing",
	"source.Empty":         "it has no element",
	"source.Never":         "it has no element",
	"sink.Never":           "it takes no element",
	"sink.Cancelled":       "it does not run its upstream",
}

// Every stage has a row in docs/operators.md, an example with checked output, and a conformance
// test. The page names no stage that does not exist.
func TestOperatorsPage(t *testing.T) {
	page, err := os.ReadFile("../docs/operators.md")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, name := range regexp.MustCompile("`((?:stream|source|sink)\\.[A-Z]\\w*)").FindAllStringSubmatch(string(page),
		-1) {
		named[name[1]] = true
	}
	exported, stages := map[string]bool{}, 0
	for _, pkg := range []string{"stream", "source", "sink"} {
		files, tests := parsePackage(t, filepath.Join("..", pkg))
		shown, suited := examples(tests), conforming(tests)
		for _, file := range files {
			for _, decl := range file.Decls {
				for _, name := range exportedNames(decl) {
					exported[pkg+"."+name] = true
				}
				f, ok := decl.(*ast.FuncDecl)
				if !ok || f.Recv != nil || !f.Name.IsExported() || !returnsStage(f) {
					continue
				}
				stages++
				name := f.Name.Name
				if !named[pkg+"."+name] && !strings.HasPrefix(name, "Via") {
					t.Errorf("docs/operators.md has no row of `%s.%s`", pkg, name)
				}
				if !suited[pkg+"."+name] && !strings.HasPrefix(name, "Via") && unsuited[pkg+"."+name] == "" {
					t.Errorf("%s.%s is in no conformance suite", pkg, name)
				}
				if !shown[name] && !strings.HasPrefix(name, "Via") {
					t.Errorf("%s.%s has no example with output", pkg, name)
				}
			}
		}
	}
	if stages < 100 {
		t.Errorf("only %d stages were found", stages)
	}
	for name := range named {
		if !exported[name] {
			t.Errorf("docs/operators.md names `%s`, which is not there", name)
		}
	}
}

// Each stage of the other packages has an example with checked output and a conformance test too.
func TestEveryStageIsSuited(t *testing.T) {
	for dir, least := range map[string]int{
		"codec": 30, "codec/bsoncodec": 4, "codec/agecodec": 7,
		"source/mongosource": 1, "sink/mongosink": 1, "source/s3source": 1, "sink/s3sink": 1,
	} {
		files, tests := parsePackage(t, filepath.Join("..", dir))
		shown, suited, stages := examples(tests), conforming(tests), 0
		for _, file := range files {
			for _, decl := range file.Decls {
				f, ok := decl.(*ast.FuncDecl)
				if !ok || f.Recv != nil || !f.Name.IsExported() || !returnsStage(f) {
					continue
				}
				stages++
				name := f.Name.Name
				if !suited[filepath.Base(dir)+"."+name] {
					t.Errorf("%s.%s is in no conformance suite", dir, name)
				}
				if !shown[name] {
					t.Errorf("%s.%s has no example with output", dir, name)
				}
			}
		}
		if stages < least {
			t.Errorf("%s: only %d stages were found", dir, stages)
		}
	}
}

// parsePackage parses the files of a directory and its tests.
func parsePackage(t *testing.T, dir string) (files, tests []*ast.File) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_go127.go") {
			continue // methods with type parameters need a newer parser
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		switch {
		case err != nil:
			t.Fatal(err)
		case strings.HasSuffix(name, "_test.go"):
			tests = append(tests, file)
		default:
			files = append(files, file)
		}
	}
	return files, tests
}

// examples returns the names for which an example with output exists.
func examples(files []*ast.File) map[string]bool {
	shown := map[string]bool{}
	for _, file := range files {
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || !strings.HasPrefix(f.Name.Name, "Example") {
				continue
			}
			for _, comment := range file.Comments {
				if comment.Pos() > f.Body.Lbrace && comment.End() < f.Body.Rbrace && strings.Contains(comment.Text(),
					"Output:") {
					name, _, _ := strings.Cut(strings.TrimPrefix(f.Name.Name, "Example"), "_")
					shown[name] = true
				}
			}
		}
	}
	return shown
}

// conforming returns the qualified names that occur in tests that run a conformance suite, helpers
// included.
func conforming(files []*ast.File) map[string]bool {
	calls, uses := map[string][]string{}, map[string][]string{}
	suites := map[string]bool{}
	for _, file := range files {
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			name := f.Name.Name
			ast.Inspect(f, func(n ast.Node) bool {
				switch x := n.(type) {
				case *ast.Ident:
					calls[name] = append(calls[name], x.Name)
				case *ast.SelectorExpr:
					if pkg, ok := x.X.(*ast.Ident); ok {
						uses[name] = append(uses[name], pkg.Name+"."+x.Sel.Name)
						if pkg.Name == "streamtest" && strings.HasPrefix(x.Sel.Name, "Test") {
							suites[name] = true
						}
					}
				}
				return true
			})
		}
	}
	for name, called := range calls { // calls through a helper
		for _, f := range called {
			if suites[f] && strings.HasPrefix(name, "Test") {
				suites[name] = true
			}
		}
	}
	used, seen := map[string]bool{}, map[string]bool{}
	var visit func(string)
	visit = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		for _, stage := range uses[name] {
			used[stage] = true
		}
		for _, f := range calls[name] {
			visit(f)
		}
	}
	for name := range suites {
		visit(name)
	}
	return used
}

// exportedNames returns the exported functions and types that decl declares.
func exportedNames(decl ast.Decl) []string {
	var names []string
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil && d.Name.IsExported() {
			names = append(names, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				names = append(names, s.Name.Name)
			case *ast.ValueSpec:
				for _, name := range s.Names {
					names = append(names, name.Name)
				}
			}
		}
	}
	return names
}

var stageType = regexp.MustCompile(`^(Source|Flow|Sink|Hub|MergeHub)$`)

// returnsStage reports whether a result of f is a source, flow, sink or hub.
func returnsStage(f *ast.FuncDecl) bool {
	if f.Type.Results == nil {
		return false
	}
	for _, result := range f.Type.Results.List {
		expr := result.Type
		if star, ok := expr.(*ast.StarExpr); ok {
			expr = star.X
		}
		switch generic := expr.(type) {
		case *ast.IndexExpr:
			expr = generic.X
		case *ast.IndexListExpr:
			expr = generic.X
		}
		if selector, ok := expr.(*ast.SelectorExpr); ok {
			expr = selector.Sel
		}
		if name, ok := expr.(*ast.Ident); ok && stageType.MatchString(name.Name) {
			return true
		}
	}
	return false
}
