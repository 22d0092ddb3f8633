package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millweir/millweir/backup"
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

// A list has all objects, however many there are. S3 lists 1,000 in a request.
func testManyObjects(_ *testing.T, s suite) {
	const n = 2100
	put := func(i int) string { return fmt.Sprintf("many/%04d", i) }
	_, err := stream.Run(s.Context(), source.Range(0, n, 1),
		sink.ForEachParallel(8, func(_ context.Context, i int) error { return s.tryPut(put(i), nil, []byte("x")) }))
	if err != nil {
		s.Fatal(err)
	}
	keys := s.list("many/")
	if len(keys) != n || keys[0] != put(0) || keys[n-1] != put(n-1) || !slices.IsSorted(keys) {
		s.Errorf("%d keys are listed, want %d", len(keys), n)
	}
	deleted, err := stream.Run(s.Context(), source.Slice(keys), s.store.Delete())
	if err != nil || deleted != n {
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

// A held object cannot be deleted. A store without holds returns ErrNoHold and stores nothing.
func testHold(_ *testing.T, s suite) {
	until := time.Now().Add(time.Hour)
	holder, ok := s.store.(backup.Holder)
	if !ok {
		err := s.tryPut("held", &backup.PutOptions{RetainUntil: until}, []byte("x"))
		if !errors.Is(err, backup.ErrNoHold) {
			s.Error(err)
		}
		s.wantNone("held")
		return
	}
	if err := s.tryPut("put", &backup.PutOptions{RetainUntil: until}, []byte("x")); err != nil {
		s.Fatal(err)
	}
	s.put("later", []byte("x"))
	if err := holder.Hold(s.Context(), "later", until); err != nil {
		s.Fatal(err)
	}
	for _, key := range []string{"put", "later"} {
		if _, err := stream.Run(s.Context(), source.Of(key), s.store.Delete()); !errors.Is(err, backup.ErrHeld) {
			s.Errorf("%s: %v", key, err)
		}
		s.want(key, []byte("x"))
		if err := holder.Hold(s.Context(), key, until.Add(time.Hour)); err != nil {
			s.Errorf("%s: longer: %v", key, err)
		}
		if err := holder.Hold(s.Context(), key, until); err != nil {
			s.Errorf("%s: a shorter hold must be no error and change nothing: %v", key, err)
		}
	}
	if err := holder.Hold(s.Context(), "none", until); !errors.Is(err, backup.ErrNotFound) {
		s.Error(err)
	}
}
