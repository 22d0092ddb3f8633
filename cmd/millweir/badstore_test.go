package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/millweir/millweir/s3test"
)

// A bucket that cannot hold a repository is refused in one line with the words of the command. It
// gets no repository.
func TestBadBucket(t *testing.T) {
	always := func(op string, before func(*s3test.Request) *s3test.Reply) s3test.Fault {
		return s3test.Fault{Op: op, Times: -1, Before: before}
	}
	ignore := func(r *s3test.Request) *s3test.Reply {
		r.Header.Del("If-None-Match")
		return nil
	}
	denied := s3test.Fail(403, "AccessDenied")
	for name, test := range map[string]struct {
		fault    s3test.Fault
		location string
		words    []string
	}{
		"no conditional writes": {
			always("PutObject", ignore), "s3://backups/shop",
			[]string{"s3://backups/shop", "no conditional writes", "choose another service"},
		},
		"no right to put": {
			always("PutObject", denied), "s3://backups/shop",
			[]string{"s3://backups/shop", "the right s3:PutObject", "grant it"},
		},
		"no right to list": {
			always("ListObjectsV2", denied), "s3://backups/shop", []string{"s3://backups/shop", "grant"},
		},
		"no right to read": {
			always("GetObject", denied), "s3://backups/shop", []string{"s3://backups/shop", "grant"},
		},
		"no bucket": {
			s3test.Fault{Op: "none"},
			"s3://backupz/shop",
			[]string{"backupz does not exist", "correct the name in s3://backupz/shop"},
		},
		"no name of a bucket": {
			s3test.Fault{Op: "none"}, "s3://b_/shop", []string{`s3://b_/shop: "b_" cannot be the name of a bucket`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.keys(t)
			server := w.s3(t, nil)
			server.Fault(test.fault)
			o := w.run(t, "init", test.location, "--identity", "me.txt", "--signing-key", "sign.key", "--retry", "0s")
			if o.code == 0 || strings.Count(o.messages, "\n") != 1 {
				t.Errorf("exit code %d: %s", o.code, o.messages)
			}
			for _, word := range test.words {
				if !strings.Contains(o.messages, word) {
					t.Errorf("%q is missing: %s", word, o.messages)
				}
			}
			for _, word := range []string{"-bucket ", "-key ", "IfAbsent", "hidden"} {
				if strings.Contains(o.messages, word) {
					t.Errorf("%q is none of the program's words: %s", word, o.messages)
				}
			}
			if server.Object("backups", "shop/repo.json") != nil || len(server.Uploads("backups")) > 0 {
				t.Error("there is a repository, or an upload")
			}
		})
	}
}

// A backup that must be protected is refused by a bucket without Object Lock, before it stores
// data.
func TestBadBucketWithoutLock(t *testing.T) {
	w := newWorld(t)
	w.add(t, "shop", "orders", 5)
	w.keys(t)
	server := w.s3(t, nil)
	w.must(t, "init", "s3://backups/shop", "--identity", "me.txt", "--signing-key", "sign.key")
	before := len(server.Requests())
	w.fails(t, 1, []string{"Object Lock", "--retain"}, "backup", "s3://backups/shop", "--signing-key", "sign.key",
		"--retain", "24h")
	for _, r := range server.Requests()[before:] {
		if strings.HasPrefix(r.Key, "shop/data/") || strings.HasPrefix(r.Key, "shop/backups/") {
			t.Errorf("%s of %s", r.Op, r.Key)
		}
	}
}

// A copy is protected by --retain. One warning says if it is not protected as the backup is.
func TestCopyRetain(t *testing.T) {
	w := newWorld(t)
	w.add(t, "shop", "orders", 5)
	w.keys(t)
	server := w.s3(t, &s3test.Options{ObjectLock: true})
	w.must(t, "init", "s3://backups/shop", "--identity", "me.txt", "--signing-key", "sign.key")
	w.must(t, "backup", "s3://backups/shop", "--signing-key", "sign.key", "--retain", "1h")
	to := []string{"copy", "s3://backups/shop", "--signing-key", "sign.key", "--to"}
	o := w.must(t, append(to, "./second")...)
	if strings.Count(o.messages, "protected") != 1 {
		t.Error(o.messages)
	}
	w.fails(t, 1, []string{"./third", "leave --retain out"}, append(to, "./third", "--retain", "2h")...)
	w.fails(t, 2, []string{"--retain -1h"}, append(to, "./third", "--retain", "-1h")...)
	if o := w.must(t, append(to, "s3://backups/copy", "--retain", "2h")...); strings.Contains(o.messages, "protected") {
		t.Error(o.messages)
	}
	found := 0
	for _, r := range server.Requests() {
		object := server.Object("backups", r.Key)
		if object == nil || !strings.HasPrefix(r.Key, "copy/data/") && !strings.HasPrefix(r.Key, "copy/backups/") {
			continue
		}
		found++
		until := object.Header.Get("X-Amz-Object-Lock-Retain-Until-Date")
		if at, err := time.Parse(time.RFC3339, until); err != nil || time.Until(at) < time.Hour {
			t.Errorf("%s is protected until %q", r.Key, until)
		}
	}
	if found == 0 {
		t.Error("nothing was copied")
	}
}

// doctor says what a bucket is, and names the rights that are missing.
func TestDoctorBucket(t *testing.T) {
	w := newWorld(t)
	w.add(t, "shop", "orders", 5)
	w.keys(t)
	server := w.s3(t, &s3test.Options{ObjectLock: true})
	w.must(t, "init", "s3://backups/shop", "--identity", "me.txt", "--signing-key", "sign.key")
	good := w.must(t, "doctor", "s3://backups/shop", "--identity", "me.txt", "--signing-key", "sign.key").out
	for _, word := range []string{
		"refuses to replace it", "agrees", "may delete", "has versions", "the bucket has it", "none is unfinished",
		"the replica set mongotest, version 8.0.0", "a backup can be of one instant",
	} {
		if !strings.Contains(good, word) {
			t.Errorf("%q is missing: %s", word, good)
		}
	}
	for _, op := range []string{"PutObject", "DeleteObjects", "DeleteObject", "GetBucketVersioning"} {
		server.Fault(s3test.Fault{Op: op, Times: -1, Before: s3test.Fail(403, "AccessDenied")})
	}
	bad := w.run(t, "doctor", "s3://backups/shop", "--identity", "me.txt", "--signing-key", "sign.key")
	if bad.code != 1 || !strings.Contains(bad.out, "lacks the right s3:PutObject") ||
		!strings.Contains(bad.out, "ok      delete      this user may not delete") {
		t.Errorf("exit code %d: %s", bad.code, bad.out)
	}
}

// A directory that cannot be a repository is refused and not changed.
func TestBadDirectory(t *testing.T) {
	w := newWorld(t)
	w.add(t, "shop", "orders", 5)
	w.repository(t)
	write := func(name, text string) {
		t.Helper()
		name = filepath.Join(w.dir, name)
		err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(text), 0o600))
		if err != nil {
			t.Fatal(err)
		}
	}
	made, err := os.ReadFile(filepath.Join(w.dir, "repo/repo.json"))
	if err != nil {
		t.Fatal(err)
	}
	write("file", "")
	write("foreign/repo.json", `{"name":"of another program"}`)
	write("newer/repo.json", strings.Replace(string(made), `"reader":1`, `"reader":9`, 1))
	write("other/x", "")
	sign := []string{"--signing-key", "sign.key"}
	initial := append([]string{"--identity", "me.txt"}, sign...)
	for _, test := range []struct {
		words []string
		args  []string
	}{
		{[]string{"is a file, and no directory"}, append([]string{"init", "./file"}, initial...)},
		{
			[]string{"./foreign", "of another program", "choose another place"},
			append([]string{"init", "./foreign"}, initial...),
		},
		{[]string{"./foreign", "of another program"}, append([]string{"backup", "./foreign"}, sign...)},
		{[]string{"install a newer version of millweir"}, append([]string{"backup", "./newer"}, sign...)},
		{[]string{"install a newer version of millweir"}, append([]string{"init", "./newer"}, initial...)},
		{[]string{"./other cannot become a repository", "it has x"}, append([]string{"init", "./other"}, initial...)},
	} {
		w.fails(t, 1, test.words, test.args...)
	}
	for _, dir := range []string{"foreign", "newer", "other"} {
		if entries, err := os.ReadDir(filepath.Join(w.dir, dir)); err != nil || len(entries) != 1 {
			t.Errorf("%s has %v, %v", dir, entries, err)
		}
	}
}

// The error for a lost, wrong or missing key is one line that names the flag. The error for a
// target that is not empty is one line, too.
func TestBadKeys(t *testing.T) {
	w := newWorld(t)
	w.add(t, "shop", "orders", 5)
	w.repository(t)
	w.must(t, "backup", "./repo", "--signing-key", "sign.key")
	w.must(t, "keys", "generate", "--identity", "other.txt", "--signing-key", "other.key")
	w.add(t, "full", "orders", 1)
	for _, test := range []struct {
		code  int
		words []string
		args  []string
	}{
		{1, []string{"--identity"}, []string{"restore", "./repo", "--trust", "sign.key.pub", "--rename", "shop.*=x.*"}},
		{1, []string{"right --identity"}, []string{
			"restore", "./repo", "--identity", "other.txt", "--rename", "shop.*=x.*",
		}},
		{1, []string{"--identity", "no such file"}, []string{"restore", "./repo", "--identity", "lost.txt"}},
		{1, []string{"--trust"}, []string{"list", "./repo", "--trust", "other.key.pub"}},
		{1, []string{"--trust"}, []string{"backup", "./repo", "--signing-key", "other.key"}},
		{1, []string{"--signing-key"}, []string{"backup", "./repo"}},
		{1, []string{"--signing-key", "no such file"}, []string{"backup", "./repo", "--signing-key", "lost.key"}},
		{1, []string{"full.orders"}, []string{
			"restore", "./repo", "--identity", "me.txt", "--rename", "shop.*=full.*",
		}},
	} {
		w.fails(t, test.code, test.words, test.args...)
	}
	if n, m := len(w.srv.Documents("x", "orders")), len(w.srv.Documents("full", "orders")); n != 0 || m != 1 {
		t.Errorf("%d documents were restored, and %d are in the collection with one", n, m)
	}
}

// An error of a copy names the repository that it is about.
func TestCopyNamesRepository(t *testing.T) {
	w := newWorld(t)
	w.add(t, "shop", "orders", 5)
	w.repository(t)
	w.must(t, "backup", "./repo", "--signing-key", "sign.key")
	server := w.s3(t, nil)
	to := []string{"copy", "./repo", "--signing-key", "sign.key", "--retry", "0s", "--to"}
	if err := os.WriteFile(filepath.Join(w.dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.fails(t, 1, []string{"./file", "is a file, and no directory"}, append(to, "./file")...)
	w.fails(t, 1, []string{". cannot get the copy", "choose another"}, append(to, ".")...)
	server.Fault(s3test.Fault{Op: "PutObject", Times: -1, Before: s3test.Fail(403, "AccessDenied")})
	w.fails(t, 1, []string{"the copy at s3://backups/shop", "the right s3:PutObject", "run this again"},
		append(to, "s3://backups/shop")...)
	objects, err := filepath.Glob(filepath.Join(w.dir, "repo/data/*/*"))
	if err != nil || len(objects) != 1 {
		t.Fatal(objects, err)
	}
	if err := os.Remove(objects[0]); err != nil {
		t.Fatal(err)
	}
	w.fails(t, 1, []string{"the backup at ./repo", "there is no such object"}, append(to, "./second")...)
}
