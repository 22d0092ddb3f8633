package storetest

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// Objects of all sizes and chunks come back as they were stored.
func testRoundTrip(_ *testing.T, s suite) {
	for _, size := range []int{0, 1, 2, 1000, 1 << 16, 1<<16 + 1, 5 << 20, 11<<20 + 3} {
		s.testObject(size)
	}
}

func (s suite) testObject(size int) {
	key, want := fmt.Sprint("data/", size), random(size)
	s.put(key, want[:size/3], want[size/3:size/2], want[size/2:])
	s.want(key, want)
	objects, err := stream.Run(s.Context(), s.store.List(key), sink.Slice[backup.Object]())
	if err != nil || len(objects) == 0 || objects[0].Size != int64(size) {
		s.Errorf("%d bytes are listed as %+v, %v", size, objects, err)
		return
	}
	if age := time.Since(objects[0].Modified); age < -time.Hour || age > time.Hour {
		s.Errorf("an object that was just stored is %v old", age)
	}
}

// A range is exactly the bytes that were asked for.
func testRanges(_ *testing.T, s suite) {
	const size = 200_000
	want := random(size)
	s.put("object", want)
	for _, r := range []backup.GetOptions{
		{Offset: 0, Length: 1},
		{Offset: 0, Length: size},
		{Offset: 1, Length: 1},
		{Offset: 70_000, Length: 70_000},
		{Offset: size - 1, Length: 1},
		{Offset: size - 1},
		{Offset: 100},
		{Offset: size},
	} {
		end := r.Offset + r.Length
		if r.Length == 0 {
			end = size
		}
		if got, err := s.get("object", &r); err != nil || !bytes.Equal(got, want[r.Offset:end]) {
			s.Errorf("%+v: %d bytes, %v", r, len(got), err)
		}
	}
	for _, r := range []backup.GetOptions{
		{Offset: size, Length: 1}, {Offset: size + 1}, {Offset: size - 10, Length: 11}, {Offset: -1}, {Length: -1},
	} {
		if got, err := s.get("object", &r); err == nil {
			s.Errorf("%+v: %d bytes and no error", r, len(got))
		}
	}
}

// An object is not replaced.
func testExists(_ *testing.T, s suite) {
	s.put("a/object", []byte("first"))
	for _, again := range []string{"second", "first", ""} {
		err := s.tryPut("a/object", nil, []byte(again))
		s.wantFatal(fmt.Sprintf("a second Put, of %q", again), err, backup.ErrExists)
	}
	s.want("a/object", []byte("first"))
}

func testMissing(_ *testing.T, s suite) {
	s.wantNone("missing")
	s.wantNone("missing/object")
	s.put("a/b", []byte("x"))
	s.wantNone("a/c")
	_, err := s.get("a/c", &backup.GetOptions{Offset: 1, Length: 1})
	s.wantFatal("a range of no object", err, backup.ErrNotFound)
}
