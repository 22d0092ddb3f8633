package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// names holds the exported identifiers of the tree ("stream.Map", "stream.Running.Drain") and the
// name of each test.
type names map[string]bool

// treeNames reads every Go file of the repository.
func treeNames(t *testing.T) names {
	t.Helper()
	all := make(names)
	files := token.NewFileSet()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if file == nil {
			return err // a file for a later version of Go may have errors, but still has its declarations
		}
		all.add(file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func (n names) add(file *ast.File) {
	pkg := file.Name.Name + "."
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if name := d.Name.Name; strings.HasPrefix(name, "Test") || strings.HasPrefix(name, "Fuzz") {
				n[name], n[strings.TrimSuffix(pkg, "_test.")+"."+name] = true, true
			}
			if d.Recv == nil {
				n[pkg+d.Name.Name] = true
			} else {
				n[pkg+typeName(d.Recv.List[0].Type)+"."+d.Name.Name] = true
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				n.addSpec(pkg, spec)
			}
		}
	}
}

func (n names) addSpec(pkg string, spec ast.Spec) {
	switch s := spec.(type) {
	case *ast.ValueSpec:
		for _, name := range s.Names {
			n[pkg+name.Name] = true
		}
	case *ast.TypeSpec:
		n[pkg+s.Name.Name] = true
		if fields, ok := s.Type.(*ast.StructType); ok {
			for _, field := range fields.Fields.List {
				for _, name := range field.Names {
					n[pkg+s.Name.Name+"."+name.Name] = true
				}
			}
		}
	}
}

// hasMember reports whether a type of any package has the method or field. Pages omit the package
// if it is obvious.
func (n names) hasMember(member string) bool {
	for name := range n {
		if strings.HasSuffix(name, "."+member) {
			return true
		}
	}
	return false
}

// TestNames looks up every Go name of ours that a page shows as code.
func TestNames(t *testing.T) {
	all := treeNames(t)
	qualified := regexp.MustCompile(`\b(stream|source|sink|codec|bsoncodec|agecodec|mongosource|mongosink|` +
		`s3source|s3sink|mongotest|s3test|streamtest|otelstream)\.([A-Z]\w*)(?:\.([A-Z]\w*))?`)
	member := regexp.MustCompile(`^\*?([A-Z]\w*Options|Running|Stats|Snapshot|Object|InsertResult)\.([A-Z]\w*)`)
	test := regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w*`)
	n := 0
	for _, p := range pages(t) {
		for _, code := range p.code() {
			for _, found := range qualified.FindAllStringSubmatch(code, -1) {
				n++
				name := found[1] + "." + found[2]
				if found[3] != "" {
					name += "." + found[3]
				}
				if !all[name] {
					t.Errorf("%s names %s, which does not exist", p.name, name)
				}
			}
			if found := member.FindStringSubmatch(code); found != nil && !all.hasMember(found[1]+"."+found[2]) {
				t.Errorf("%s names %s, which does not exist", p.name, code)
			}
			for _, name := range test.FindAllString(code, -1) {
				// a page may name several tests by their common beginning, as go test -run does
				if !all[name] && !(strings.Contains(code, "-run") && all.hasBeginning(name)) && !akka[name] {
					t.Errorf("%s names the test %s, which does not exist", p.name, name)
				}
			}
		}
	}
	if n < 300 {
		t.Errorf("found only %d names: the pages have more", n)
	}
}

// akka holds names of Akka that look like tests.
var akka = map[string]bool{"TestSource": true, "TestSink": true}

func (n names) hasBeginning(beginning string) bool {
	for name := range n {
		if strings.HasPrefix(name, beginning) {
			return true
		}
	}
	return false
}
