package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// Lists are in the order of the keys' bytes, and a prefix may end anywhere.
func testList(_ *testing.T, s suite) {
	keys := []string{
		"a", "a-1/x", "a.1/x", "a0/b-c", "a0/b.c", "a0/b/c", "a0/b0", "a0/bb/c/d/e", "b/1", "b/10", "b/2", "c-d",
		"repo.json",
	}
	for i := range keys {
		s.put(keys[(i*5+3)%len(keys)], []byte("x")) // in another order
	}
	slices.Sort(keys)
	prefixes := []string{
		"", "a", "a0", "a0/", "a0/b", "a0/b/", "a0/bb/c/d/e", "a0/bb/c/d/e/", "b/1", "b/3", "c", "z",
		"repo",
	}
	for _, prefix := range prefixes {
		want := slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return !strings.HasPrefix(key, prefix) })
		if got := s.list(prefix); !slices.Equal(got, want) {
			s.Errorf("%q: %q, want %q", prefix, got, want)
		}
	}
}

// A list has all objects, in order, however many there are. Services list 1,000 to 5,000 in a
// request.
func testManyObjects(_ *testing.T, s suite) { s.testMany(1100) }

func (s suite) testMany(n int) {
	put := make([]string, n)
	for i := range put {
		put[i] = fmt.Sprintf("many/%x/%d", i*7919%16, i) // 16 folders, and an order that is not that of i
	}
	_, err := stream.Run(s.Context(), source.Slice(put),
		sink.ForEachParallel(16, func(_ context.Context, key string) error { return s.tryPut(key, nil, []byte("x")) }))
	if err != nil {
		s.Fatal(err)
	}
	slices.Sort(put)
	keys := s.list("many/")
	if !slices.Equal(keys, put) {
		s.Errorf("%d keys are listed, want %d in order", len(keys), n)
	}
	deleted, err := stream.Run(s.Context(), source.Slice(keys), s.store.Delete())
	if err != nil || deleted != int64(n) {
		s.Errorf("%d of %d deleted: %v", deleted, n, err)
	}
	if keys := s.list(""); len(keys) > 0 {
		s.Errorf("%d keys are left", len(keys))
	}
}

func testDelete(_ *testing.T, s suite) {
	s.put("a/b/1", []byte("x"))
	s.put("a/b/2", []byte("y"))
	for range 2 { // deleting twice is no error
		n, err := stream.Run(s.Context(), source.Of("a/b/1", "a/none", "none"), s.store.Delete())
		if err != nil || n != 3 {
			s.Errorf("%d, %v", n, err)
		}
		s.wantNone("a/b/1")
	}
	s.want("a/b/2", []byte("y"))
	if n, err := stream.Run(s.Context(), source.Empty[string](), s.store.Delete()); err != nil || n != 0 {
		s.Errorf("%d, %v", n, err)
	}
	s.put("a/b/1", []byte("again"))
	s.want("a/b/1", []byte("again"))
}

// Every operation refuses a key that CheckKey refuses.
func testKeys(_ *testing.T, s suite) {
	for _, key := range []string{
		"", "/a", "a/", "../a", "a/../b", "a//b", "A", "a b", "a\x00b", "c:", "con",
		".hidden",
	} {
		_, get := s.get(key, nil)
		_, del := stream.Run(s.Context(), source.Of(key), s.store.Delete())
		put := s.tryPut(key, nil, []byte("x"))
		for name, err := range map[string]error{"Put": put, "Get": get, "Delete": del} {
			if stream.ClassOf(err) != stream.Fatal {
				s.Errorf("%s of %q: %v", name, key, err)
			}
		}
	}
	if keys := s.list(""); len(keys) > 0 {
		s.Errorf("stored: %q", keys)
	}
	longest := strings.Repeat("a", 200) + "/" + strings.Repeat("b", 200) + "/" + strings.Repeat("c", 200)
	s.put(longest, []byte("x"))
	s.want(longest, []byte("x"))
}
