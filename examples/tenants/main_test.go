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

// Each of 200 tenants has all lines, in their order, in its files.
func TestEachTenantHasItsLines(t *testing.T) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	var in bytes.Buffer
	want := map[string]string{}
	r := rand.New(rand.NewPCG(1, 0))
	for round := range 4 {
		for _, i := range r.Perm(200) {
			tenant, text := fmt.Sprintf("t%03d", i), fmt.Sprintf("line %d\n", round)
			in.WriteString(tenant + "\t" + text)
			want[tenant] += text
		}
	}
	folder := t.TempDir()
	var out strings.Builder
	if err := run(t.Context(), []string{folder, identity.Recipient().String()}, &in, &out); err != nil {
		t.Fatal(err)
	}
	if len(want) != 200 {
		t.Fatalf("%d tenants", len(want))
	}
	files := 0
	for tenant, text := range want {
		names, err := filepath.Glob(filepath.Join(folder, tenant+".*.age"))
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		for _, name := range names { // in the order of their numbers
			src := stream.Via(source.File(name, nil), agecodec.Decrypt(identity))
			if _, err := stream.Run(t.Context(), src, sink.Writer(&got)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			files++
		}
		if got.String() != text {
			t.Errorf("%s has %q, want %q", tenant, got.String(), text)
		}
	}
	if all, _ := os.ReadDir(folder); len(all) != files || out.String() != fmt.Sprintf("%d files\n", files) || files <= 200 {
		t.Errorf("%d files of %d tenants, %d in all: %s", files, len(want), len(all), out.String())
	}
}

func TestBadLine(t *testing.T) {
	identity, _ := age.GenerateX25519Identity()
	for _, line := range []string{"no tab", "\tno tenant", "../up\ttext"} {
		folder := t.TempDir()
		err := run(t.Context(), []string{folder, identity.Recipient().String()}, strings.NewReader("a\tb\n"+line+"\n"), new(strings.Builder))
		if all, _ := os.ReadDir(folder); err == nil || len(all) != 0 {
			t.Errorf("%q: %v, %d files", line, err, len(all))
		}
	}
}
