package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Bad input has one line that says what to do, and changes nothing.
func TestBadInput(t *testing.T) {
	w := newWorld(t)
	w.repository(t)
	if err := os.WriteFile(filepath.Join(w.dir, "p.pub"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.must(t, "keys", "generate", "--signing-key", "other.key")
	damaged := filepath.Join(w.dir, "damaged")
	if err := errors.Join(os.Mkdir(damaged, 0o700), os.WriteFile(damaged+"/repo.json", []byte("{"),
		0o600)); err != nil {
		t.Fatal(err)
	}
	const secret = "AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ"
	for _, test := range []struct {
		code  int
		words []string
		args  []string
	}{
		{2, []string{"unknown command"}, []string{"bakup"}},
		{2, []string{"no repository given"}, []string{"list"}},
		{2, []string{"too many"}, []string{"list", "a", "b"}},
		{2, []string{"unknown flag"}, []string{"list", "./repo", "--colour"}},
		{1, []string{"has no repository", "millweir init", "mount it"}, []string{"list", "./nothing"}},
		{1, []string{"has no repository", "millweir init"}, []string{"list", "."}},
		{1, []string{"repository at ./damaged is damaged"}, []string{"list", "./damaged"}},
		{2, []string{"(millweir prune -h lists the flags)"}, []string{"prune", "./repo"}},
		{2, []string{"s3://BUCKET/PREFIX"}, []string{"list", "gs://x/y"}},
		{2, []string{"nobody could read", "--recipient"}, []string{"init", "./new", "--signing-key", "sign.key"}},
		{2, []string{"--unsigned"}, []string{"init", "./new", "--identity", "me.txt"}},
		{1, []string{"not empty"}, []string{"init", "./repo", "--identity", "me.txt", "--signing-key", "sign.key"}},
		{2, []string{"nothing to make"}, []string{"keys", "generate"}},
		{2, []string{"exists already"}, []string{"keys", "generate", "--identity", "me.txt"}},
		{2, []string{"exists already"}, []string{"keys", "generate", "--identity", "new", "--signing-key", "sign.key"}},
		{2, []string{"p.pub exists already"}, []string{"keys", "generate", "--identity", "new", "--signing-key", "p"}},
		{2, []string{"the same file"}, []string{"keys", "generate", "--identity", "new", "--signing-key", "new"}},
		{2, []string{"name of a file"}, []string{"verify", "./repo", "--identity", secret}},
		{1, []string{"--signing-key"}, []string{"backup", "./repo"}},
		{1, []string{"nothing to back up", "--include"}, []string{"backup", "./repo", "--signing-key", "sign.key"}},
		{2, []string{"--consistency"}, []string{
			"backup", "./repo", "--signing-key", "sign.key", "--consistency",
			"good",
		}},
		{2, []string{"NAMESPACE=FILTER"}, []string{
			"backup", "./repo", "--signing-key", "sign.key", "--filter",
			"shop={",
		}},
		{1, []string{"no such backup", "millweir list ./repo shows"}, []string{"show", "./repo"}},
		{2, []string{"no rule"}, []string{"prune", "./repo", "--signing-key", "sign.key"}},
		{2, []string{"--yes"}, []string{"keys", "shred", "./repo", "--signing-key", "sign.key"}},
		{2, []string{"--config", "no such file"}, []string{"list", "./repo", "--config", "nothing.yaml"}},
		{2, []string{"--depth", "drill"}, []string{"verify", "./repo", "--depth", "full"}},
		{2, []string{"negative"}, []string{"prune", "./repo", "--keep-last", "-1"}},
		{2, []string{"negative"}, []string{"prune", "./repo", "--keep-within", "-1h"}},
		{2, []string{"--recipient"}, []string{"keys", "rekey", "./repo", "--identity", "me.txt"}},
		{2, []string{"--recipient"}, []string{"keys", "new-epoch", "./repo", "--signing-key", "sign.key"}},
		{2, []string{"the pattern is not valid"}, []string{
			"backup", "./repo", "--signing-key", "sign.key",
			"--include", "shop.",
		}},
		{2, []string{"no file of this name"}, []string{"list", "./repo", "--trust", "nothing.pub"}},
		{2, []string{"no file of this name"}, []string{"list", "./repo", "--trust", strings.Repeat("k", 300)}},
		{2, []string{"the file of one"}, []string{"list", "./repo", "--trust", "p.pub"}},
		{1, []string{"with --trust or --signing-key"}, []string{"backup", "./repo", "--signing-key", "other.key"}},
		{1, []string{"the directory above ./no/new does not exist"}, []string{
			"init", "./no/new", "--identity", "me.txt", "--signing-key", "sign.key",
		}},
		{2, []string{"no command nonsense"}, []string{"help", "nonsense"}},
		{2, []string{"unknown command"}, []string{"completion", "tcsh"}},
	} {
		w.fails(t, test.code, test.words, test.args...)
	}
	if _, err := os.Stat(filepath.Join(w.dir, "new")); err == nil {
		t.Error("a directory was made")
	}
}

// If one file of new keys cannot be written, none is left, so that the command can be repeated.
func TestKeysOrNothing(t *testing.T) {
	w := newWorld(t)
	w.fails(t, 1, []string{"no such file"}, "keys", "generate", "--identity", "me.txt", "--signing-key", "no/sign.key")
	if files, err := os.ReadDir(w.dir); err != nil || len(files) > 0 {
		t.Error(files, err)
	}
	w.keys(t)
}

// A mistake is reported as JSON too, wherever --json stands, and the exit code is in it.
func TestMistakeAsJSON(t *testing.T) {
	w := newWorld(t)
	for _, args := range [][]string{
		{"backup", "--parallel", "x", "--json"}, {"backup", "--json", "--parallel", "x"}, {"backup", "--json"},
	} {
		o := w.run(t, args...)
		var log struct {
			Level, Msg, Error string
			Exit              int
		}
		if err := json.Unmarshal([]byte(o.messages), &log); err != nil || o.code != 2 || log.Exit != 2 ||
			log.Level != "ERROR" || log.Msg != "millweir failed" || log.Error == "" {
			t.Errorf("%q: exit code %d, %s (%v)", args, o.code, o.messages, err)
		}
	}
}

// Flags come from the command line, the environment and the file, in this order.
func TestSettings(t *testing.T) {
	w := newWorld(t)
	w.add(t, "shop", "orders", 1)
	w.repository(t)
	config := "repo: ./repo\nsigning-key: sign.key\nlabel: of the file\ninclude: [shop, 'x*']\nallow-missing: true\nparallel: 2\n"
	if err := os.WriteFile(filepath.Join(w.dir, "c.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	label := func(args ...string) string {
		t.Helper()
		var made struct{ Run string }
		o := w.must(t, append([]string{"backup", "--config", "c.yaml", "--json"}, args...)...)
		if err := json.Unmarshal([]byte(o.out), &made); err != nil {
			t.Fatal(err)
		}
		return w.must(t, "show", "./repo", made.Run).out
	}
	if got := label(); !strings.Contains(got, "of the file") {
		t.Error(got)
	}
	w.env = append(w.env, "MILLWEIR_LABEL=of the environment")
	if got := label(); !strings.Contains(got, "of the environment") {
		t.Error(got)
	}
	if got := label("--label", "of the flag"); !strings.Contains(got, "of the flag") {
		t.Error(got)
	}
	w.fails(t, 2, []string{"--resume", "--label"}, "backup", "--config", "c.yaml", "--resume", "x", "--label", "new")
	w.fails(t, 1, []string{"no such run"}, "backup", "--config", "c.yaml", "--resume", "x", "--parallel", "2")
	for name, text := range map[string]string{
		"labl": "labl: x\n", "takes one value": "repo: [a, b]\n", "in quotes": "label: 2026-01-01\n",
		"1 MiB": strings.Repeat("#\n", 1<<19) + "label: x\n",
	} {
		if err := os.WriteFile(filepath.Join(w.dir, "bad.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		w.fails(t, 2, []string{"bad.yaml", name}, "list", "./repo", "--config", "bad.yaml")
	}
	good := w.env
	w.env = append(good[:len(good):len(good)], "MILLWEIR_SERVICE_HOST=10.0.0.1", "MILLWEIR_PORT=tcp://10.0.0.1:80",
		"MILLWEIR_PORT_80_TCP=tcp://10.0.0.1:80") // as Kubernetes sets them
	w.must(t, "list", "./repo")
	w.env = append(good[:len(good):len(good)], "MILLWEIR_LABLE=x")
	w.fails(t, 2, []string{"MILLWEIR_LABLE"}, "list", "./repo")
	w.env = append(good[:len(good):len(good)], "MILLWEIR_PARALLEL=many", "MILLWEIR_SIGNING_PASSWORD=unused")
	w.fails(t, 2, []string{"MILLWEIR_PARALLEL"}, "backup", "--config", "c.yaml")
}
