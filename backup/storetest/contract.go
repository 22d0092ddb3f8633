package storetest

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// A stage of a store can run again, and each run begins at the start.
func testRunsAgain(_ *testing.T, s suite) {
	want := random(200_000)
	put, get, list := s.store.Put("object", nil), s.store.Get("object", nil), s.store.List("")
	if _, err := stream.Run(s.Context(), source.Of(bytes.Clone(want)), put); err != nil {
		s.Fatal(err)
	}
	_, err := stream.Run(s.Context(), source.Of(bytes.Clone(want)), put)
	s.wantFatal("a second run of Put", err, backup.ErrExists)
	for range 2 {
		var got bytes.Buffer
		if _, err := stream.Run(s.Context(), get, sink.Writer(&got)); err != nil || !bytes.Equal(got.Bytes(), want) {
			s.Errorf("Get: %d bytes, %v", got.Len(), err)
		}
		objects, err := stream.Run(s.Context(), list, sink.Slice[backup.Object]())
		if err != nil || len(objects) != 1 || objects[0].Key != "object" || objects[0].Size != int64(len(want)) {
			s.Errorf("List: %+v, %v", objects, err)
		}
	}
}

// The errors of other stages are returned unchanged, and an early end is no error.
func testOthersErrors(_ *testing.T, s suite) {
	s.put("a", random(200_000))
	s.put("b", random(200_000))
	broken := errors.New("broken")
	get := s.store.Get("a", nil).Each(s.Context(), func([]byte) error { return broken })
	lent := stream.EachLent(s.Context(), s.store.Get("a", nil), func([]byte) error { return broken })
	list := s.store.List("").Each(s.Context(), func(backup.Object) error { return broken })
	keys := stream.SourceFunc[string](func(context.Context, func(string) error) error { return broken })
	_, del := s.store.Delete().Consume(s.Context(), keys)
	for name, err := range map[string]error{"Get": get, "Get, lent": lent, "List": list, "Delete": del} {
		if err != broken { //nolint:errorlint // unchanged
			s.Errorf("%s: %v", name, err)
		}
	}
	// What another store says about an object is not what this one says.
	other := stream.Fail[[]byte](backup.ErrNotFound)
	if err := s.tryPutFrom("copy", other); err != backup.ErrNotFound { //nolint:errorlint // unchanged
		s.Errorf("Put: %v", err)
	}
	first := stream.Via(s.store.Get("a", nil), stream.Take[[]byte](1))
	if _, err := stream.Run(s.Context(), first, sink.Discard[[]byte]()); err != nil {
		s.Errorf("Get of one chunk: %v", err)
	}
	one := stream.Via(s.store.List(""), stream.Take[backup.Object](1))
	if got, err := stream.Run(s.Context(), one, sink.Slice[backup.Object]()); err != nil || len(got) != 1 {
		s.Errorf("List of one object: %v, %v", got, err)
	}
}

// A drain does not make an object or a list shorter: they would look whole.
func testDrained(_ *testing.T, s suite) {
	want := random(3 << 20)
	s.put("a", want)
	s.put("b", []byte("x"))
	began := make(chan struct{})
	drained := make(chan struct{})
	object := stream.Via(s.store.Get("a", nil), hold[[]byte](began, drained))
	get := stream.Go(s.Context(), object, sink.Slice[[]byte]())
	<-began
	get.Drain()
	close(drained)
	chunks, err := get.Wait()
	if got := bytes.Join(chunks, nil); err != nil || !bytes.Equal(got, want) {
		s.Errorf("Get: %d bytes, %v", len(got), err)
	}

	began, drained = make(chan struct{}), make(chan struct{})
	objects := stream.Via(s.store.List(""), hold[backup.Object](began, drained))
	list := stream.Go(s.Context(), objects, sink.Slice[backup.Object]())
	<-began
	list.Drain()
	close(drained)
	if got, err := list.Wait(); err != nil || len(got) != 2 {
		s.Errorf("List: %+v, %v", got, err)
	}
}

// hold closes began at the first element, and passes it on after drained is closed.
func hold[T any](began, drained chan struct{}) stream.Flow[T, T] {
	first := true
	return stream.Map(func(v T) T {
		if first {
			first = false
			close(began)
			<-drained
		}
		return v
	})
}
