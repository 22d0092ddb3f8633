package bsoncodec_test

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/stream"
)

// element is one element of a raw document.
type element struct {
	t   byte
	key string
	val string
}

// raw returns a document of these elements, valid or not.
func raw(elements ...element) bson.Raw {
	b := []byte{0, 0, 0, 0}
	for _, e := range elements {
		b = append(append(append(append(b, e.t), e.key...), 0), e.val...)
	}
	b = append(b, 0)
	binary.LittleEndian.PutUint32(b, uint32(len(b)))
	return b
}

// str returns the value of a string.
func str(s string) string {
	return string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)+1))) + s + "\x00"
}

// sub returns the value of a document.
func sub(elements ...element) string { return string(raw(elements...)) }

// u64 and u32 return the values of numbers.
func u64(v uint64) string { return string(binary.LittleEndian.AppendUint64(nil, v)) }
func u32(v uint32) string { return string(binary.LittleEndian.AppendUint32(nil, v)) }

// code returns the value of code with scope.
func code(s string, scope string) string {
	return u32(uint32(4+len(str(s))+len(scope))) + str(s) + scope
}

// one returns the document {"a": value}.
func one(t byte, val string) bson.Raw { return raw(element{t, "a", val}) }

// nest returns a document of n nested levels, including the outermost.
func nest(n int) bson.Raw {
	b := make([]byte, 0, 8*n)
	for level := n; level > 1; level-- {
		b = append(binary.LittleEndian.AppendUint32(b, uint32(8*level-3)), 0x03, 'a', 0)
	}
	b = append(b, 5, 0, 0, 0)
	for range n {
		b = append(b, 0)
	}
	return b
}

// slice returns a source of these elements.
func slice[T any](xs ...T) stream.Source[T] {
	return stream.SourceFunc[T](func(_ context.Context, emit func(T) error) error {
		for _, x := range xs {
			if err := emit(x); err != nil {
				return err
			}
		}
		return nil
	})
}

// collect runs src and returns the emitted elements and the error.
func collect[T any](t *testing.T, src stream.Source[T]) ([]T, error) {
	t.Helper()
	var all []T
	for v, err := range stream.All(t.Context(), src) {
		if err != nil {
			return all, err
		}
		all = append(all, v)
	}
	return all, nil
}

// roundTrip fails t if doc does not come back from JSON byte for byte. It returns the JSON.
func roundTrip(t *testing.T, doc bson.Raw) string {
	t.Helper()
	text, err := bsoncodec.AppendExtJSON(nil, doc, nil)
	if err != nil {
		t.Fatalf("%x: %v", []byte(doc), err)
	}
	back, err := bsoncodec.AppendBSON(nil, text, nil)
	if err != nil {
		t.Fatalf("%x: %v: %s", []byte(doc), err, text)
	}
	if string(back) != string(doc) {
		t.Fatalf("got  %x\nwant %x\n%s", back, []byte(doc), text)
	}
	return string(text)
}

// isSyntax and isDocument return err as the error type that the package promises.
func isSyntax(t *testing.T, err error) *bsoncodec.SyntaxError {
	t.Helper()
	var e *bsoncodec.SyntaxError
	if !errors.As(err, &e) {
		t.Fatalf("error %v is no SyntaxError", err)
	}
	return e
}

func isDocument(t *testing.T, err error) *bsoncodec.DocumentError {
	t.Helper()
	var e *bsoncodec.DocumentError
	if !errors.As(err, &e) {
		t.Fatalf("error %v is no DocumentError", err)
	}
	return e
}
