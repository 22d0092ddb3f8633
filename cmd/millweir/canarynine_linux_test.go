package main

import (
	"encoding/base64"
	"encoding/hex"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A session runs every command, with right and with wrong arguments. Its secrets are in no output,
// object, key or metadata, and in no file except their own.
func TestNineCanaries(t *testing.T) {
	if raced {
		t.Skip("its hundreds of processes start slowly with the race detector in them: .ci/run has a step without it")
	}
	for _, mode := range modes {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s := newSession(t, mode)
			s.succeed(t)
			s.fail(t)
			s.misplace(t)
			s.betray(t)
			s.do(t, 0, "keys", "shred", s.repo, "--signing-key", "sign.key", "--yes")
			for _, found := range s.found(t) {
				t.Error(found)
			}
			if t.Failed() {
				for where, text := range s.seen {
					if strings.Contains(where, "output") && s.cage().find(text) != nil {
						t.Logf("%s: %.3000q", where, text)
					}
				}
			}
		})
	}
}

// reader are the flags of a program that reads and signs.
func reader(args ...string) []string {
	return append(args, "--identity", "me.txt", "--signing-key", "sign.key")
}

// succeed runs every command.
func (s *session) succeed(t *testing.T) {
	t.Helper()
	s.add(t, "shop", "orders", 30)
	if err := os.Mkdir(filepath.Join(s.dir, "manual"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"--version"},
		{"help"},
		{"help", "backup"},
		{"completion", "bash"},
		reader("init", s.repo),
		{"backup", s.repo, "--signing-key", "sign.key", "--label", "first"},
		{
			"backup", s.repo, "--signing-key", "sign.key", "--signing-password-file", "password", "--mongo-file",
			"mongo.uri",
		},
		reader("list", s.repo),
		reader("show", s.repo),
		reader("verify", s.repo, "--depth", "present"),
		reader("verify", s.repo),
		reader("verify", s.repo, "--depth", "drill"),
		reader("restore", s.repo, "--rename", "shop=back"),
		reader("documents", s.repo, "latest", "shop.orders"),
		reader("diff", s.repo, "latest", "latest"),
		reader("copy", s.repo, "--to", "./second"),
		reader("prune", s.repo, "--keep-last", "1", "--unverified"),
		reader("sweep", s.repo),
		reader("doctor", s.repo),
		reader("keys", "export", s.repo),
		append(reader("keys", "rekey", s.repo), "--recipients-file", "readers"),
		append([]string{"keys", "new-epoch", s.repo, "--signing-key", "sign.key"}, "--recipients-file", "readers"),
		{"man", "manual"},
	} {
		if slices.Contains(args, "readers") {
			s.writeReaders(t)
		}
		s.do(t, 0, args...)
	}
}

// writeReaders writes the public keys of both identities.
func (s *session) writeReaders(t *testing.T) {
	t.Helper()
	var lines []string
	for _, file := range []string{"me.txt", "other.txt"} {
		text, err := os.ReadFile(filepath.Join(s.dir, file))
		if err != nil {
			t.Fatal(err)
		}
		_, public, _ := strings.Cut(string(text), "public key: ")
		public, _, _ = strings.Cut(public, "\n")
		lines = append(lines, public)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "readers"), []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
}

// fail runs commands with a wrong value of each secret, broken files, and refused logins.
func (s *session) fail(t *testing.T) {
	t.Helper()
	s.write(t, "broken.key", "untrusted comment: x\n"+s.secrets["signing key's file"][:80])
	s.write(t, "broken.txt", s.secrets["identity"][:len(s.secrets["identity"])-1]+"!")
	s.write(t, "broken.uri", "mongodb://me:"+s.secrets["MongoDB password"])
	s.write(t, "broken.yaml", "identity: [\n"+s.secrets["identity"]+"\n")
	s.write(t, "wrong.password", s.secrets["endpoint password"])
	backup := []string{"backup", s.repo, "--signing-key", "sign.key"}
	for _, args := range [][]string{
		append(slices.Clip(backup), "--signing-password-file", "wrong.password"),
		append(slices.Clip(backup), "--mongo-file", "broken.uri"),
		append(slices.Clip(backup), "--config", "broken.yaml"),
		append(slices.Clip(backup), "--config", "me.txt"),
		{"backup", s.repo, "--signing-key", "other.key"},
		{"backup", s.repo, "--signing-key", "broken.key"},
		{"backup", s.repo, "--signing-key", "me.txt"},
		{"restore", s.repo, "--identity", "broken.txt"},
		{"restore", s.repo, "--identity", "plain.key"},
		{"list", s.repo, "--trust", "plain.key"},
		{"init", "./third", "--recipients-file", "me.txt", "--signing-key", "sign.key"},
		{"keys", "generate", "--identity", "me.txt"},
		reader("init", s.repo+"x", "--recipient", s.secrets["identity"]),
	} {
		s.do(t, -1, args...)
	}
	was := s.env
	defer func() { s.env = was }()
	s.env = append(slices.Clip(was), "MONGODB_URI="+
		strings.Replace(s.secrets["MongoDB URI"], "authMechanism=PLAIN", "authMechanism=SCRAM-SHA-256", 1))
	s.do(t, -1, backup...)
	s.do(t, -1, reader("doctor", s.repo)...)
}

// misplace gives each secret in place of a name. Each mode has a third of the places.
func (s *session) misplace(t *testing.T) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(s.secrets)) {
		secret := s.secrets[name]
		if name == "signing key" { // these are bytes, which a command line cannot have
			continue
		}
		for i, args := range [][]string{
			{"list", secret},
			{"list", "./" + secret},
			{"list", "--repo", secret},
			{"list", s.repo, secret},
			{"list", s.repo, "--config", secret},
			{"list", s.repo, "--trust", secret},
			{"list", s.repo, "--signing-key", secret},
			{"list", s.repo, "--identity", secret},
			{"list", s.repo, "--" + secret},
			{secret},
			reader("show", s.repo, secret),
			reader("documents", s.repo, "latest", secret),
			reader("copy", s.repo, "--to", "file://"+secret),
			reader("backup", s.repo, "--mongo-file", secret),
			reader("backup", s.repo, "--include", secret),
			reader("backup", s.repo, "--parallel", secret),
			reader("backup", s.repo, "--resume", secret),
			reader("keys", "rekey", s.repo, "--recipients-file", secret),
			reader("prune", s.repo, "--keep-last", "1", "--time-zone", secret),
		} {
			if modes[i%len(modes)] == s.mode {
				s.do(t, -1, args...)
			}
		}
	}
}

// betray runs commands that S3 refuses and commands that panic.
func (s *session) betray(t *testing.T) {
	t.Helper()
	s.refuse.Store(true)
	for _, args := range [][]string{
		{"backup", s.repo, "--signing-key", "sign.key"},
		reader("list", s.repo), reader("restore", s.repo),
		reader("doctor", s.repo),
	} {
		s.do(t, -1, append(args, "--retry", "0s")...)
	}
	s.refuse.Store(false)
	was := s.env
	defer func() { s.env = was }()
	s.env = append(slices.Clip(was), asProgram+"="+bursts)
	s.do(t, 4, reader("list", s.repo)...)
	s.do(t, 4, "backup", s.repo, "--signing-key", "sign.key", "--debug")
}

// The search of the session finds each secret where it is stored on purpose.
func TestNineCanariesFound(t *testing.T) {
	s := newSession(t, plainMode)
	s.add(t, "shop", "orders", 3)
	s.do(t, 0, reader("init", s.repo)...)
	if found := s.found(t); found != nil {
		t.Fatal(found)
	}
	const longestName = 255
	for _, name := range slices.Sorted(maps.Keys(s.secrets)) {
		if file := hex.EncodeToString([]byte(s.secrets[name])); len(file) <= longestName {
			if err := os.WriteFile(filepath.Join(s.dir, "tmp", file), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			s.finds(t, name, "in the file's name")
		}
		label := s.secrets[name]
		if name == "signing key" { // random bytes: an argument cannot have a zero among them
			label = base64.StdEncoding.EncodeToString([]byte(label))
		}
		s.do(t, 0, "backup", s.repo, "--signing-key", "sign.key", "--label", label)
		s.finds(t, name, "in body of object")
	}
	s.do(t, 0, reader("keys", "export", s.repo, "--with-secrets")...)
	s.finds(t, "identity", "the output of")
}

// finds fails the test unless the search finds a secret at a place.
func (s *session) finds(t *testing.T, name, where string) {
	t.Helper()
	found := s.found(t)
	if !slices.ContainsFunc(found, func(f string) bool {
		return strings.HasPrefix(f, name+" in ") && strings.Contains(f, where)
	}) {
		t.Errorf("%s was not found %s: %q", name, where, found)
	}
}
