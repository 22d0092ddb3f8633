package main_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/millweir/millweir/examples/internal/exectest"
)

// TestHelp checks that -h has everything that a new user needs.
func TestHelp(t *testing.T) {
	w := exectest.Start(t, "backup")
	r := w.Run(t, nil, "backup", "-h")
	if r.Code != 0 || r.Stderr != "" {
		t.Errorf("exit code %d, stderr %s", r.Code, r.Stderr)
	}
	for _, want := range []string{
		"usage: backup -db NAME", "export MONGODB_URI='mongodb://user:password@", "-part-size SIZE",
		"(default 8.0MiB)", "The collection:\n", "Messages:\n",
		"indexes", "validator", "not a snapshot", "Exit codes:\n  0 ", "\n  3 ",
	} {
		if !strings.Contains(r.Stdout, want) {
			t.Errorf("-h lacks %q", want)
		}
	}
	if strings.Contains(r.Stdout, "DATABASE") || strings.Contains(r.Stdout, "[hidden]") {
		t.Error("-h has a value that says nothing")
	}
	if t.Failed() {
		t.Log(r.Stdout)
	}
	r = w.Run(t, nil, "backup", "-version")
	if !regexp.MustCompile(`^backup \S+, millweir \S+, go1\.\S+\n$`).MatchString(r.Stdout) || r.Code != 0 ||
		r.Stderr != "" {
		t.Errorf("-version says %s", r.Stdout)
	}
}

// TestJSON checks that failures are reported in JSON, even if the mistake precedes -json-log on the
// command line.
func TestJSON(t *testing.T) {
	w := exectest.Start(t, "backup")
	for _, args := range [][]string{
		{"-gzip-level", "x", "-json-log"},
		{"-json-log", "-gzip-level", "x"},
		{"-json-log"},
	} {
		r := w.Run(t, nil, "backup", args...)
		var log struct {
			Level, Msg, Error string
			Exit              int
		}
		if err := json.Unmarshal([]byte(r.Stderr), &log); err != nil || r.Code != 2 || log.Exit != 2 ||
			log.Level != "ERROR" || log.Msg != "backup failed" || log.Error == "" {
			t.Errorf("%q: exit code %d, %s (%v)", args, r.Code, r.Stderr, err)
		}
	}
}
