package docs_test

import (
	"go/ast"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestCommentsOfConstructors checks that the comment of a constructor mentions every deviation of
// its stage from the defaults that package stream documents: fused, holding nothing, adding no
// errors.
//
//   - If the stage starts a goroutine or a coroutine, the comment says so, or the comment of a
//     constructor to which its first sentence links.
//   - The comment, one that it links to, or the options name each exported error of the package
//     that the stage may end with.
func TestCommentsOfConstructors(t *testing.T) {
	code := readCode(t)
	goroutine := regexp.MustCompile(`(?i)goroutine|coroutine`)
	label := regexp.MustCompile(`Order and goroutines:|Goroutines: none`) // a label alone is no statement
	constructors, starting, failing := 0, 0, 0
	for name, f := range code.funcs {
		if !f.isConstructor() {
			continue
		}
		constructors++
		if !strings.HasPrefix(f.decl.Doc.Text(), f.decl.Name.Name+" ") {
			t.Errorf("%s: the comment does not begin with the name", name)
		}
		says := code.comments(f)
		if how := code.reaches(name, starts); how != "" {
			if starting++; !goroutine.MatchString(label.ReplaceAllString(code.ownComment(f), "")) {
				t.Errorf("%s starts a goroutine or a coroutine (%s), but its comment does not say so", name, how)
			}
		}
		for _, err := range code.errors(f.pkg) {
			if how := code.reaches(name, mentions(err)); how != "" {
				if failing++; !strings.Contains(says, err) && notReached[name+" "+err] == "" {
					t.Errorf("%s may end with %s (%s), but its comment does not name it", name, err, how)
				}
			}
		}
	}
	if constructors < 130 || starting < 30 || failing < 10 {
		t.Errorf("found only %d constructors, %d of them with goroutines, and %d errors",
			constructors, starting, failing)
	}
}

// TestOperatorsPageKnowsGoroutines checks that the column Goroutines of operators.md has a dot
// exactly for the stages that start no goroutine.
func TestOperatorsPageKnowsGoroutines(t *testing.T) {
	code := readCode(t)
	page := readPage(t, "operators.md")
	column, checked := -1, 0
	for line := range strings.SplitSeq(page, "\n") {
		cells := strings.Split(line, "|")
		if len(cells) < 4 {
			column = -1
			continue
		}
		if strings.TrimSpace(cells[1]) == "Akka" {
			column = slices.IndexFunc(cells, func(cell string) bool {
				return strings.TrimSpace(cell) == "Goroutines"
			})
			continue
		}
		if column < 0 || column >= len(cells) {
			continue
		}
		says := strings.TrimSpace(cells[column])
		if !checkable(says) {
			continue
		}
		for _, name := range leadingName.FindAllStringSubmatch(cells[2], -1) {
			if f := code.funcs[name[1]]; f == nil || !f.isConstructor() {
				continue
			}
			checked++
			if how := code.reaches(name[1], starts); (how == "") != (says == "·") {
				t.Errorf("%s: goroutines are %q in operators.md, but %q in the code", name[1], says, how)
			}
		}
	}
	if checked < 60 {
		t.Errorf("checked only %d rows", checked)
	}
}

// leadingName matches the name of one of our functions at the start of a cell.
var leadingName = regexp.MustCompile("^ *`([a-z0-9]+\\.[A-Za-z0-9]+)`")

// checkable reports whether a cell of the column Goroutines states a fact about one stage.
func checkable(says string) bool {
	return says != "" && !strings.Contains(says, "see its page") &&
		!strings.HasPrefix(says, "as ") && !strings.HasPrefix(says, "none, or")
}

// notReached holds errors that the test wrongly attributes to a stage, because it does not see
// which branch is taken, with the reason.
var notReached = map[string]string{
	"codec.S2 ErrSyntax":             "S2 writes a mark whose type also has the reader's checks",
	"codec.Decoder ErrLimit":         "Decoder sets no limit",
	"codec.ParseCSV ErrTrailing":     "ParseCSV reads its input to the end",
	"codec.ParseCSVMaps ErrTrailing": "ParseCSVMaps reads its input to the end",
	"source.Pipe ErrClosed":          "the writer gets io.ErrClosedPipe",
	"bsoncodec.BSON ErrInexact":      "an error shows the _id by the writer of JSON",
	"bsoncodec.ParseBSON ErrInexact": "an error shows the _id by the writer of JSON",
}

// A feature reports whether a node of a function's body has a property.
type feature func(ast.Node) bool

// starts reports whether n starts a goroutine or a coroutine.
func starts(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GoStmt:
		return true
	case *ast.SelectorExpr:
		pkg, _ := n.X.(*ast.Ident)
		return n.Sel.Name == "Go" || pkg != nil && pkg.Name == "iter" && strings.HasPrefix(n.Sel.Name, "Pull")
	}
	return false
}

// mentions returns the feature of mentioning a name of the package.
func mentions(name string) feature {
	return func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		return ok && id.Name == name
	}
}
