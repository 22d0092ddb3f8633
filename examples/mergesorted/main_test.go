package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The merged file has all lines of ten files in order, including duplicates.
func TestTenFiles(t *testing.T) {
	folder := t.TempDir()
	random := rand.New(rand.NewPCG(1, 0))
	args := []string{filepath.Join(folder, "all.txt")}
	var want []string
	for i := range 10 {
		var lines []string
		for range 1000 * i { // the first file is empty
			lines = append(lines, fmt.Sprintf("%05d", random.IntN(30_000)))
		}
		slices.Sort(lines)
		want = append(want, lines...)
		args = append(args, write(t, folder, fmt.Sprintf("%d.txt", i), strings.Join(lines, "\n"))) // no last newline
	}
	slices.Sort(want)
	var out strings.Builder
	if err := run(t.Context(), args, &out); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(args[0])
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != strings.Join(want, "\n")+"\n" {
		t.Errorf("%d bytes are not the %d lines in order", len(got), len(want))
	}
	if want := fmt.Sprintf("%s: %d bytes of 10 files\n", args[0], len(got)); out.String() != want {
		t.Errorf("it says %q, want %q", out.String(), want)
	}
}

// A failed run says why, and leaves the older output.
func TestFailures(t *testing.T) {
	folder := t.TempDir()
	output := write(t, folder, "all.txt", "old\n")
	good := write(t, folder, "good.txt", "a\nb\nc\n")
	unsorted := write(t, folder, "unsorted.txt", "a\nc\nb\n")
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, "usage"},
		{[]string{output}, "usage"},
		{[]string{output, good, unsorted}, unsorted + " is not sorted: line 3"},
		{[]string{output, good, filepath.Join(folder, "missing.txt")}, "missing.txt"},
	} {
		var out strings.Builder
		err := run(t.Context(), test.args, &out)
		if err == nil || !strings.Contains(err.Error(), test.want) || out.String() != "" {
			t.Errorf("%q: error %v, want %q; it says %q", test.args, err, test.want, out.String())
		}
		if text, err := os.ReadFile(output); string(text) != "old\n" {
			t.Errorf("%q: the output is %q, %v", test.args, text, err)
		}
	}
	if all, _ := os.ReadDir(folder); len(all) != 3 {
		t.Errorf("%d files are left, want 3", len(all))
	}
}

// The output may be one of the input files, as with sort -o.
func TestOutputIsInput(t *testing.T) {
	folder := t.TempDir()
	a, b := write(t, folder, "a", "1\n3\n"), write(t, folder, "b", "2\n")
	if err := run(t.Context(), []string{a, a, b}, new(strings.Builder)); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(a); string(text) != "1\n2\n3\n" {
		t.Errorf("the output is %q, %v", text, err)
	}
}

func write(t *testing.T, folder, name, text string) string {
	t.Helper()
	name = filepath.Join(folder, name)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
