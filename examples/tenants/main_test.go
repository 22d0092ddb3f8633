package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// Each of 60 tenants has all of its lines, in their order, in its files.
func TestEachTenantHasItsLines(t *testing.T) {
	identity := newIdentity(t)
	var in bytes.Buffer
	want := map[string]string{}
	random := rand.New(rand.NewPCG(1, 0))
	for round := range 3 {
		for _, i := range random.Perm(60) {
			tenant, text := fmt.Sprintf("t%02d", i), fmt.Sprintf("line %d\r\n", round)
			in.WriteString(tenant + "\t" + text)
			want[tenant] += text
		}
	}
	folder := filepath.Join(t.TempDir(), "out")
	var out strings.Builder
	args := []string{write(t, in.String()), folder, identity.Recipient().String()}
	if err := run(t.Context(), args, &out); err != nil {
		t.Fatal(err)
	}
	files := 0
	for tenant, text := range want {
		names, err := filepath.Glob(filepath.Join(folder, tenant+".*.age"))
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		for _, name := range names { // Glob sorts them
			lines := stream.Via(source.File(name, nil), agecodec.Decrypt(identity))
			if _, err := stream.Run(t.Context(), lines, sink.Writer(&got)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		files += len(names)
		if got.String() != text {
			t.Errorf("%s has %q, want %q", tenant, got.String(), text)
		}
	}
	all, err := os.ReadDir(folder)
	if err != nil || len(all) != files || files <= len(want) {
		t.Errorf("%d files of %d tenants, %d in all, %v: want more files than tenants", files, len(want), len(all), err)
	}
	if says := fmt.Sprintf("%s: %d files\n", folder, files); out.String() != says {
		t.Errorf("it says %q, want %q", out.String(), says)
	}
}

// A failed run leaves nothing, not even the lines before the malformed one.
func TestFailures(t *testing.T) {
	recipient := newIdentity(t).Recipient().String()
	for _, test := range []struct{ recipient, last, want string }{
		{recipient, "no tab", `line 2 is not TENANT<tab>TEXT`},
		{recipient, "\tno tenant", `"\tno tenant"`},
		{recipient, "../up\ttext", `"../up\ttext"`},
		{recipient, "", `line 2`},
		{"age1nonsense", "b\ttext", `RECIPIENT must be`},
	} {
		parent := t.TempDir()
		var out strings.Builder
		lines := write(t, "a\tb\n"+test.last+"\n")
		err := run(t.Context(), []string{lines, filepath.Join(parent, "out"), test.recipient}, &out)
		if err == nil || !strings.Contains(err.Error(), test.want) || out.String() != "" {
			t.Errorf("%q: error %v, want %s; it says %q", test.last, err, test.want, out.String())
		}
		if all, _ := os.ReadDir(parent); len(all) != 0 {
			t.Errorf("%q: %d files are left", test.last, len(all))
		}
	}
}

// The program rejects a folder that exists, because it would mix the files of two runs.
func TestFolderExists(t *testing.T) {
	folder := t.TempDir()
	args := []string{write(t, "a\tb\n"), folder, newIdentity(t).Recipient().String()}
	err := run(t.Context(), args, new(strings.Builder))
	if err == nil || !strings.Contains(err.Error(), "name a new folder") {
		t.Errorf("error %v", err)
	}
}

// write stores text in a new file, and returns its name.
func write(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "lines.tsv")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func newIdentity(t *testing.T) *age.X25519Identity {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return identity
}
