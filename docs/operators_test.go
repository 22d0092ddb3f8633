package docs_test

import (
	"os"
	"strings"
	"testing"
)

// TestOperatorsAreListed checks that the package comment of stream links each constructor of a
// source, a flow or a sink in its list of operators.
func TestOperatorsAreListed(t *testing.T) {
	text, err := os.ReadFile("../stream/doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, list, found := strings.Cut(string(text), "// # Operators\n")
	if !found {
		t.Fatal("the package comment of stream has no list of operators")
	}
	for name, f := range readCode(t).funcs {
		if f.pkg == "stream" && f.isConstructor() && !strings.Contains(list, "["+f.decl.Name.Name+"]") {
			t.Errorf("the list of operators in stream/doc.go does not link %s", name)
		}
	}
}
