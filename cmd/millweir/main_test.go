package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/millweir/millweir/cmd/millweir/internal/cli"
)

// A new user's first commands work, as the help shows them.
func TestFirstSteps(t *testing.T) { eachStore(t, testFirstSteps) }

func testFirstSteps(t *testing.T, w *world) {
	w.add(t, "shop", "orders", 50)
	w.add(t, "shop", "cookies", 3)
	w.repository(t)
	made := w.must(t, "backup", w.repo, "--signing-key", "sign.key", "--label", "first")
	if !strings.Contains(made.messages, "began the backup 2") || !strings.Contains(made.messages, "53 documents") ||
		!strings.Contains(made.messages, "2 collections") {
		t.Error(made.messages)
	}
	if o := w.must(t, "list", w.repo); strings.Count(o.out, "\n") != 2 || !strings.Contains(o.out, "first") {
		t.Error(o.out)
	}
	if o := w.must(t, "show", w.repo); !strings.Contains(o.out, "shop.cookies") {
		t.Error(o.out)
	}
	present := w.must(t, "verify", w.repo, "--depth", "present", "--identity", "me.txt", "--signing-key", "sign.key")
	if !strings.Contains(present.messages, "content was not read") || strings.Contains(present.messages, "whole") {
		t.Error(present.messages)
	}
	w.must(t, "verify", w.repo, "--identity", "me.txt", "--signing-key", "sign.key")
	o := w.must(t, "documents", w.repo, "latest", "shop.orders", "--identity", "me.txt", "--from", "10", "--limit",
		"2",
		"--relaxed")
	if lines := strings.Split(o.out, "\n"); len(lines) != 3 || !strings.HasPrefix(lines[1], `{"_id":11,`) {
		t.Errorf("%q", o.out)
	}
	for bounds, n := range map[string]int{"--from null": 50, "--to null": 0, "--from 49": 1} {
		args := append([]string{"documents", w.repo, "latest", "shop.orders", "--identity", "me.txt"},
			strings.Fields(bounds)...)
		if o := w.must(t, args...); strings.Count(o.out, "\n") != n {
			t.Errorf("%s: %d documents, want %d", bounds, strings.Count(o.out, "\n"), n)
		}
	}
	w.fails(t, 2, []string{"--to", "Extended JSON"}, "documents", w.repo, "latest", "shop.orders", "--to", "x")
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second))) // names have the second: this is newer
	second := w.must(t, "backup", w.repo, "--signing-key", "sign.key", "--json")
	var report struct {
		Run    string
		Counts struct{ Stored, Reused int64 }
	}
	if err := json.Unmarshal([]byte(second.out), &report); err != nil || report.Counts.Stored != 0 ||
		report.Counts.Reused == 0 {
		t.Errorf("the second backup: %s, %v", second.out, err)
	}
	rule := []string{"prune", w.repo, "--keep-last", "1", "--signing-key", "sign.key"}
	w.fails(t, 1, []string{"nothing proves", "millweir verify " + w.repo}, rule...)
	w.must(t, "verify", w.repo, "--identity", "me.txt", "--signing-key", "sign.key")
	if o := w.must(t, append(rule, "--dry-run")...); strings.Count(o.out, "would go") != 1 {
		t.Error(o.out)
	}
	if o := w.must(t, append(rule, "--dry-run", "--keep-last", "9", "--json")...); !strings.HasPrefix(o.out,
		`{"kind":"prune","dryRun":true,"kept":[{`) || !strings.Contains(o.out, `"deleted":[]`) {
		t.Error(o.out)
	}
	if o := w.must(t, "sweep", w.repo, "--trust", "sign.key.pub", "--dry-run", "--json"); o.out !=
		`{"kind":"sweep","dryRun":true,"objects":0,"bytes":0,"unfinished":0}`+"\n" {
		t.Error(o.out)
	}
	w.must(t, rule...)
	if o := w.must(t, "list", w.repo, "--json"); strings.Count(o.out, "\n") != 1 ||
		!strings.Contains(o.out, report.Run) {
		t.Error(o.out)
	}
	w.must(t, "sweep", w.repo, "--trust", "sign.key.pub")
	if o := w.must(t, "doctor", w.repo, "--identity", "me.txt"); strings.Contains(o.out, "FAILED") {
		t.Error(o.out)
	}
	if o := w.must(t, "doctor", w.repo, "--json"); !strings.Contains(o.out,
		`{"check":"identity","ok":false,"skipped":true,`) {
		t.Error(o.out)
	}
}

// Damage has its own exit code, and every place is named.
func TestDamage(t *testing.T) {
	w := newWorld(t)
	w.add(t, "shop", "orders", 50)
	w.repository(t)
	w.must(t, "backup", w.repo, "--signing-key", "sign.key")
	objects, err := filepath.Glob(filepath.Join(w.dir, "repo/data/*/*"))
	if err != nil || len(objects) != 1 {
		t.Fatal(objects, err)
	}
	body, err := os.ReadFile(objects[0])
	if err != nil {
		t.Fatal(err)
	}
	body[len(body)/2] ^= 1
	if err := errors.Join(os.Chmod(objects[0], 0o600), os.WriteFile(objects[0], body, 0o600)); err != nil {
		t.Fatal(err)
	}
	o := w.run(t, "verify", w.repo, "--identity", "me.txt", "--signing-key", "sign.key")
	if o.code != exitDamaged || !strings.Contains(o.out, "shop.orders") ||
		!strings.Contains(o.messages, "is damaged in 1") {
		t.Errorf("exit code %d, %s, %s", o.code, o.out, o.messages)
	}
	w.fails(t, 1, nil, "documents", w.repo, "latest", "shop.orders", "--identity", "me.txt")
	o = w.run(t, "verify", w.repo, "--identity", "me.txt", "--trust", "sign.key.pub")
	if o.code != exitDamaged || !strings.Contains(o.messages, "no proof was stored") {
		t.Errorf("without a key to sign with: exit code %d, %s", o.code, o.messages)
	}
	proofs := filepath.Join(w.dir, "repo/proofs")
	if err := errors.Join(os.RemoveAll(proofs), os.WriteFile(proofs, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	w.fails(t, exitDamaged, []string{"is damaged in 1", "proofs"},
		"verify", w.repo, "--identity", "me.txt", "--signing-key", "sign.key")
}

// A proof that cannot be stored does not hide that the backup is whole.
func TestNoPlaceForProof(t *testing.T) {
	w := newWorld(t)
	w.add(t, "shop", "orders", 5)
	w.repository(t)
	w.must(t, w.backup()...)
	if err := os.WriteFile(filepath.Join(w.dir, "repo/proofs"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, depth := range []string{"read", "drill"} {
		args := []string{"verify", w.repo, "--depth", depth, "--identity", "me.txt", "--signing-key", "sign.key"}
		w.fails(t, 1, []string{"is whole (" + depth + ")", "proof could not be stored", "--no-proof"}, args...)
		w.must(t, append(args, "--no-proof")...)
	}
}

// A truncated object is damage at every depth.
func TestTruncated(t *testing.T) {
	w := newWorld(t)
	w.add(t, "shop", "orders", 50)
	w.repository(t)
	w.must(t, w.backup()...)
	objects, err := filepath.Glob(filepath.Join(w.dir, "repo/data/*/*"))
	if err != nil || len(objects) != 1 {
		t.Fatal(objects, err)
	}
	info, err := os.Stat(objects[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Chmod(objects[0], 0o600), os.Truncate(objects[0], info.Size()-9)); err != nil {
		t.Fatal(err)
	}
	for _, depth := range []string{"present", "read", "drill"} {
		w.fails(t, exitDamaged, []string{"is damaged in 1 place:"}, "verify", w.repo, "--depth", depth, "--identity",
			"me.txt", "--signing-key", "sign.key")
	}
	w.fails(t, 1, []string{"is damaged", "millweir verify ./repo", "--exclude"}, w.restore()...)
	if n := len(w.srv.Documents("back", "orders")); n > 0 {
		t.Errorf("%d documents were restored", n)
	}
}

// The recovery kit has secrets only if that is asked for.
func TestExport(t *testing.T) { eachStore(t, testExport) }

func testExport(t *testing.T, w *world) {
	w.repository(t)
	args := []string{"keys", "export", w.repo, "--identity", "me.txt", "--signing-key", "sign.key"}
	if o := w.must(t, args...); !strings.Contains(o.out, "BEGIN AGE") || strings.Contains(o.out, "AGE-SECRET-KEY") {
		t.Error(o.out)
	}
	if o := w.must(t, append(args, "--with-secrets")...); !strings.Contains(o.out, "AGE-SECRET-KEY") {
		t.Error(o.out)
	}
	w.fails(t, 2, []string{"--with-secrets"}, "keys", "export", w.repo, "--trust", "sign.key.pub", "--with-secrets")
}

// Every command explains itself, and is in the manual.
func TestHelp(t *testing.T) {
	w := newWorld(t)
	manual := t.TempDir()
	w.must(t, "man", manual)
	a := &app{program: cli.NewProgram("millweir", os.Stderr), out: &bytes.Buffer{}}
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		if slices.Contains([]string{"help", "completion", "man"}, c.Name()) {
			return
		}
		page := filepath.Join(manual, strings.ReplaceAll(c.CommandPath(), " ", "-")+".1")
		if _, err := os.Stat(page); err != nil {
			t.Error(err)
		}
		if !c.HasSubCommands() && (c.Example == "" || c.Long == "") {
			t.Errorf("%s has no example or no description", c.CommandPath())
		}
		for _, line := range strings.Split(c.Long, "\n") {
			if len(line) > 125 {
				t.Errorf("%s: a line of the help is too long: %s", c.CommandPath(), line)
			}
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(a.root())
	for _, args := range [][]string{{"--version"}, {"help", "backup"}, {"backup", "-h"}, {}, {"completion", "bash"}} {
		if o := w.must(t, args...); o.out == "" {
			t.Errorf("%q prints nothing", args)
		}
	}
}

// A repository without signatures is backed up with the key that reads.
func TestUnsigned(t *testing.T) { eachStore(t, testUnsigned) }

func testUnsigned(t *testing.T, w *world) {
	w.add(t, "shop", "orders", 50)
	w.must(t, "keys", "generate", "--identity", "me.txt", "--signing-key", "sign.key")
	w.must(t, "init", w.repo, "--identity", "me.txt", "--unsigned")
	w.fails(t, 1, []string{"--identity"}, "backup", w.repo)
	w.must(t, "backup", w.repo, "--identity", "me.txt")
	w.must(t, "restore", w.repo, "--identity", "me.txt", "--rename", "shop=back")
	w.restored(t, 50)
}
