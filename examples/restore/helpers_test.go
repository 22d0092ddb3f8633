package main_test

import (
	"bytes"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/examples/internal/exectest"
)

const (
	key      = "c.jsonl.gz.age"
	password = "canary-pa55word"
)

// arguments returns a valid command line, followed by more, which may override its flags.
func arguments(w *exectest.World, more ...string) []string {
	return append(plain(), append([]string{"-identity", w.Identity}, more...)...)
}

// plain returns arguments without the identity.
func plain(more ...string) []string {
	return append([]string{"-db", "shop", "-collection", "back", "-bucket", exectest.Bucket, "-key", key}, more...)
}

// backup stores a collection under key.
func backup(t *testing.T, w *exectest.World, coll string, more ...string) {
	t.Helper()
	r := w.Run(t, nil, "backup", append([]string{
		"-db", "shop", "-collection", coll,
		"-bucket", exectest.Bucket, "-key", key,
	}, more...)...)
	if r.Code != 0 {
		t.Fatal(r.Stderr)
	}
}

func same(t *testing.T, got, want []bson.Raw) {
	t.Helper()
	if !slices.EqualFunc(got, want, func(a, b bson.Raw) bool { return bytes.Equal(a, b) }) {
		t.Errorf("the collection has %d documents which are not the %d expected", len(got), len(want))
	}
}
