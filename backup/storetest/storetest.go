// Package storetest has the tests that every [backup.Store] must pass.
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) backup.Store { return dirstore.New(t.TempDir(), nil) })
//	}
package storetest

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// Run runs the tests. Each of them calls open, which returns a store without objects, ready to use.
// Stores of one test must not share objects with those of another.
func Run(t *testing.T, open func(*testing.T) backup.Store) {
	runTests(t, open, []test{
		{"RoundTrip", testRoundTrip},
		{"Ranges", testRanges},
		{"Exists", testExists},
		{"Missing", testMissing},
		{"RunsAgain", testRunsAgain},
		{"OthersErrors", testOthersErrors},
		{"Drained", testDrained},
		{"FailedPut", testFailedPut},
		{"Unfinished", testUnfinished},
		{"Race", testRace},
		{"ListDuringWrites", testListDuringWrites},
		{"List", testList},
		{"ManyObjects", testManyObjects},
		{"Delete", testDelete},
		{"Keys", testKeys},
		{"Cancelled", testCancelled},
		{"Hold", testHold},
	})
}

// RunLarge runs the tests with 10,000 objects and with one of 100 MiB. They take more time than
// those of [Run].
func RunLarge(t *testing.T, open func(*testing.T) backup.Store) {
	runTests(t, open, []test{
		{"ManyObjects", func(_ *testing.T, s suite) { s.testMany(10_000) }},
		{"LargeObject", func(_ *testing.T, s suite) { s.testObject(100 << 20) }},
	})
}

type test struct {
	name string
	run  func(*testing.T, suite)
}

func runTests(t *testing.T, open func(*testing.T) backup.Store, tests []test) {
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(t, suite{t, open(t)}) })
	}
}

// suite is a store in a test.
type suite struct {
	*testing.T
	store backup.Store
}

// put stores the chunks at key and fails the test if it cannot.
func (s suite) put(key string, chunks ...[]byte) {
	s.Helper()
	if err := s.tryPut(key, nil, chunks...); err != nil {
		s.Fatal(err)
	}
}

func (s suite) tryPut(key string, opts *backup.PutOptions, chunks ...[]byte) error {
	s.Helper()
	chunks = slices.DeleteFunc(slices.Clone(chunks), func(p []byte) bool { return len(p) == 0 })
	object, err := stream.Run(s.Context(), source.Slice(chunks), s.store.Put(key, opts))
	if size := len(bytes.Join(chunks, nil)); err == nil && (object.Key != key || object.Size != int64(size)) {
		s.Errorf("Put of %d bytes at %s returned %+v", size, key, object)
	}
	return err
}

// tryPutFrom stores src.
func (s suite) tryPutFrom(key string, src stream.Source[[]byte]) error {
	_, err := s.store.Put(key, nil).Consume(s.Context(), src)
	return err
}

// get returns the bytes of the object at key.
func (s suite) get(key string, opts *backup.GetOptions) ([]byte, error) {
	s.Helper()
	var got []byte
	_, err := stream.Run(s.Context(), s.store.Get(key, opts),
		sink.ForEach(func(_ context.Context, p []byte) error {
			if len(p) == 0 {
				s.Error("an empty chunk")
			}
			got = append(got, p...)
			return nil
		}))
	return got, err
}

// want checks the bytes of the object at key.
func (s suite) want(key string, want []byte) {
	s.Helper()
	if got, err := s.get(key, nil); err != nil || !bytes.Equal(got, want) {
		s.Errorf("%s has %d bytes %.20q, want %d bytes %.20q: %v", key, len(got), got, len(want), want, err)
	}
}

// wantNone checks that the key has no object.
func (s suite) wantNone(key string) {
	s.Helper()
	if got, err := s.get(key, nil); !errors.Is(err, backup.ErrNotFound) || len(got) > 0 {
		s.Errorf("%s: %d bytes, %v", key, len(got), err)
	}
	if keys := s.list(key); slices.Contains(keys, key) {
		s.Errorf("%s is listed", key)
	}
}

// wantFatal checks that err is want, of class Fatal.
func (s suite) wantFatal(what string, err, want error) {
	s.Helper()
	if !errors.Is(err, want) || stream.ClassOf(err) != stream.Fatal {
		s.Errorf("%s: %v of the class %v, want %v", what, err, stream.ClassOf(err), want)
	}
}

// list returns the keys with the prefix.
func (s suite) list(prefix string) []string {
	s.Helper()
	objects, err := stream.Run(s.Context(), s.store.List(prefix), sink.Slice[backup.Object]())
	if err != nil {
		s.Fatal(err)
	}
	var keys []string
	for _, o := range objects {
		keys = append(keys, o.Key)
	}
	return keys
}

// random returns n bytes that depend on n only.
func random(n int) []byte {
	p := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(n), byte(n >> 8), byte(n >> 16)}).Read(p)
	return p
}
