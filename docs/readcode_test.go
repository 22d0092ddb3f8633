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

// code holds the library's functions by package and name, and the methods of its types.
type code struct {
	funcs    map[string]*function
	methods  map[string][]*function
	types    map[string]string   // the comments of types and of their fields
	sentinel map[string][]string // the exported errors of a package
}

type function struct {
	pkg  string
	decl *ast.FuncDecl
}

// isConstructor reports whether f is exported and returns a stage.
func (f *function) isConstructor() bool {
	if f.decl.Recv != nil || !f.decl.Name.IsExported() || f.decl.Type.Results == nil ||
		strings.HasSuffix(f.pkg, "test") {
		return false
	}
	name := typeName(f.decl.Type.Results.List[0].Type)
	return name == "Source" || name == "Flow" || name == "Sink"
}

func readCode(t *testing.T) *code {
	t.Helper()
	c := &code{
		funcs: map[string]*function{}, methods: map[string][]*function{},
		types: map[string]string{}, sentinel: map[string][]string{},
	}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && outsideLibrary(d.Name()):
			return fs.SkipDir
		case !strings.HasSuffix(path, ".go"),
			strings.HasSuffix(path, "_test.go"), strings.HasSuffix(path, "_go127.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				c.add(&function{file.Name.Name, decl})
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					if typ, ok := spec.(*ast.TypeSpec); ok {
						c.types[file.Name.Name+"."+typ.Name.Name] = commentsIn(decl)
					}
					v, ok := spec.(*ast.ValueSpec)
					if ok && decl.Tok == token.VAR && strings.HasPrefix(v.Names[0].Name, "Err") {
						c.sentinel[file.Name.Name] = append(c.sentinel[file.Name.Name], v.Names[0].Name)
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *code) add(f *function) {
	if f.decl.Recv == nil {
		c.funcs[f.pkg+"."+f.decl.Name.Name] = f
		return
	}
	typ := f.decl.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	key := f.pkg + "." + typeName(typ)
	c.methods[key] = append(c.methods[key], f)
}

// outsideLibrary reports whether a folder holds no code of the library.
func outsideLibrary(folder string) bool {
	return folder == "examples" || folder == "bench" || folder == "integration" || strings.HasPrefix(folder, ".g")
}

// typeName returns the name of a type, without a pointer, its package and its type arguments.
func typeName(typ ast.Expr) string {
	switch x := typ.(type) {
	case *ast.StarExpr:
		return typeName(x.X)
	case *ast.IndexExpr:
		return typeName(x.X)
	case *ast.IndexListExpr:
		return typeName(x.X)
	case *ast.SelectorExpr:
		return x.Sel.Name
	case *ast.Ident:
		return x.Name
	}
	return ""
}

// errors returns the exported errors of a package.
func (c *code) errors(pkg string) []string { return c.sentinel[pkg] }

// comments returns the comment of f, the comments it links to, the comments these link to, and the
// comments of the types of its parameters.
func (c *code) comments(f *function) string {
	text := f.decl.Doc.Text()
	for _, param := range f.decl.Type.Params.List {
		if star, ok := param.Type.(*ast.StarExpr); ok {
			text += "[" + typeName(star.X) + "]"
		}
	}
	seen := map[string]bool{}
	for range 2 {
		for _, link := range regexp.MustCompile(`\[\*?([A-Za-z.]+)\]`).FindAllStringSubmatch(text, -1) {
			name := link[1]
			if !strings.Contains(name, ".") {
				name = f.pkg + "." + name
			}
			if seen[name] {
				continue
			}
			seen[name] = true
			if other := c.funcs[name]; other != nil && other != f {
				text += other.decl.Doc.Text()
			}
			text += c.types[name]
		}
	}
	return text
}

// ownComment returns the comment of f and the comments of the constructors that its first sentence
// links to.
func (c *code) ownComment(f *function) string {
	text := f.decl.Doc.Text()
	first, _, _ := strings.Cut(strings.ReplaceAll(text, "\n", " "), ". ")
	for _, link := range regexp.MustCompile(`\[([A-Za-z]+)\]`).FindAllStringSubmatch(first, -1) {
		if other := c.funcs[f.pkg+"."+link[1]]; other != nil {
			text += other.decl.Doc.Text()
		}
	}
	return text
}

// commentsIn returns all comments of a declaration.
func commentsIn(decl ast.Node) (text string) {
	ast.Inspect(decl, func(n ast.Node) bool {
		if c, ok := n.(*ast.CommentGroup); ok {
			text += c.Text()
		}
		return true
	})
	return text
}

// reaches returns the calls that lead from the named function to code with the feature, or "" if
// none do. It assumes that a function calls every function, and every method of every type, that
// it mentions.
func (c *code) reaches(name string, has feature) string {
	seen := map[string]bool{}
	var visit func(name string) string
	visit = func(name string) (way string) {
		if seen[name] {
			return ""
		}
		seen[name] = true
		all := c.methods[name]
		if f := c.funcs[name]; f != nil {
			all = append(all[:len(all):len(all)], f)
		}
		for _, f := range all {
			if f.decl.Body == nil {
				continue
			}
			var look func(n ast.Node) bool
			look = func(n ast.Node) bool {
				switch {
				case way != "":
					return false
				case n == nil:
					return true
				case has(n):
					way = name
					return false
				}
				switch n := n.(type) {
				case *ast.KeyValueExpr: // a key may be the name of a field
					ast.Inspect(n.Value, look)
					return false
				case *ast.SelectorExpr:
					if pkg, ok := n.X.(*ast.Ident); ok && pkg.Obj == nil {
						way = visit(pkg.Name + "." + n.Sel.Name)
					} else {
						ast.Inspect(n.X, look)
					}
					return false
				case *ast.Ident:
					if n.Obj == nil || n.Obj.Kind == ast.Fun || n.Obj.Kind == ast.Typ { // not a variable
						way = visit(f.pkg + "." + n.Name)
					}
				}
				return true
			}
			ast.Inspect(f.decl.Body, look)
			if way != "" && !strings.HasSuffix(way, name) {
				way = name + ", " + way
			}
		}
		return way
	}
	return visit(name)
}
