package docs_test

import (
	"strings"
	"testing"
)

// TestOperatorsAreListed checks that the package comment of stream links each constructor of a
// source, a flow or a sink in its list of operators.
func TestOperatorsAreListed(t *testing.T) {
	text := readPage(t, "../stream/doc.go")
	_, list, found := strings.Cut(text, "// # Operators\n")
	if !found {
		t.Fatal("the package comment of stream has no list of operators")
	}
	for name, f := range readCode(t).funcs {
		if f.pkg == "stream" && f.isConstructor() && !strings.Contains(list, "["+f.decl.Name.Name+"]") {
			t.Errorf("the list of operators in stream/doc.go does not link %s", name)
		}
	}
}
