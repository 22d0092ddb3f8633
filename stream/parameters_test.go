package stream_test

import (
	"go/ast"
	"path/filepath"
	"strings"
	"testing"
)

// parameter is a parameter of an exported function.
type parameter struct {
	key      string // package.Function.name
	settable bool   // it can be invalid: a function, a count, a duration, a stage…
	function bool   // it is a function or an iterator
	context  bool   // a function that takes a context and can fail
}

// parameters returns the parameters of all exported functions of the packages with stages. Via2 and
// Via3 are left out, because they are built from Via.
func parameters(t *testing.T) []parameter {
	t.Helper()
	var all []parameter
	for pkg, dir := range map[string]string{
		"stream": ".", "source": "../source", "sink": "../sink",
		"streamtest": "streamtest",
	} {
		files, _ := parsePackage(t, filepath.Join(dir))
		for _, file := range files {
			for _, decl := range file.Decls {
				f, ok := decl.(*ast.FuncDecl)
				if !ok || f.Recv != nil || !f.Name.IsExported() || strings.HasPrefix(f.Name.Name, "Via") &&
					f.Name.Name != "Via" {
					continue
				}
				free := map[string]bool{} // type parameters: the user's values
				if f.Type.TypeParams != nil {
					for _, field := range f.Type.TypeParams.List {
						for _, name := range field.Names {
							free[name.Name] = true
						}
					}
				}
				for _, field := range f.Type.Params.List {
					for _, name := range field.Names {
						p := describe(field.Type, free)
						p.key = pkg + "." + f.Name.Name + "." + name.Name
						all = append(all, p)
					}
				}
			}
		}
	}
	if len(all) < 240 {
		t.Errorf("only %d parameters were found", len(all))
	}
	return all
}

// describe sets what a parameter of that type can be.
func describe(typ ast.Expr, free map[string]bool) parameter {
	if many, ok := typ.(*ast.Ellipsis); ok {
		typ = many.Elt
	}
	switch x := typ.(type) {
	case *ast.FuncType:
		p := parameter{settable: true, function: true}
		if x.Results != nil && len(x.Params.List) > 0 {
			first, ok := x.Params.List[0].Type.(*ast.SelectorExpr)
			last, fails := x.Results.List[len(x.Results.List)-1].Type.(*ast.Ident)
			p.context = ok && first.Sel.Name == "Context" && fails && last.Name == "error"
		}
		return p
	case *ast.Ident:
		return parameter{settable: !free[x.Name] && x.Name != "bool" && x.Name != "string" && x.Name != "error" &&
			x.Name != "any" && x.Name != "Class" && x.Name != "Snapshot"}
	case *ast.ArrayType:
		elem, ok := x.Elt.(*ast.Ident)
		return parameter{settable: ok && !free[elem.Name]}
	case *ast.SelectorExpr:
		return parameter{settable: x.Sel.Name != "Context" && x.Sel.Name != "TB"}
	case *ast.StarExpr:
		s, ok := x.X.(*ast.SelectorExpr)
		return parameter{settable: !ok || s.Sel.Name != "T"}
	case *ast.IndexExpr:
		s, ok := x.X.(*ast.SelectorExpr)
		return parameter{settable: true, function: ok && (s.Sel.Name == "Seq" || s.Sel.Name == "Seq2")}
	case *ast.IndexListExpr:
		s, ok := x.X.(*ast.SelectorExpr)
		return parameter{settable: true, function: ok && s.Sel.Name == "Seq2"}
	}
	return parameter{settable: true}
}
