package main_test

import (
	"strings"
	"testing"

	"github.com/millweir/millweir/examples/internal/exectest"
)

// TestHelp checks the output of -h and -version.
func TestHelp(t *testing.T) {
	w := exectest.Start(t, "restore")
	r := w.Run(t, nil, "restore", "-h")
	for _, want := range []string{
		"usage: restore -db NAME", "export MONGODB_URI='mongodb://user:password@", "The object:\n", "indexes",
		"validator", "not a snapshot", "\n  3 ",
	} {
		if !strings.Contains(r.Stdout, want) || r.Code != 0 || r.Stderr != "" {
			t.Errorf("-h lacks %q (exit code %d): %s%s", want, r.Code, r.Stdout, r.Stderr)
		}
	}
	if r = w.Run(t, nil, "restore", "-version"); !strings.HasPrefix(r.Stdout, "restore ") || r.Code != 0 {
		t.Errorf("-version: exit code %d, %s%s", r.Code, r.Stdout, r.Stderr)
	}
}
