package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// A held object cannot be deleted, and a shorter hold does not shorten that. A store without holds
// returns ErrNoHold and stores nothing.
func testHold(_ *testing.T, s suite) {
	until := time.Now().Add(time.Hour)
	holder, ok := s.store.(backup.Holder)
	err := s.tryPut("put", &backup.PutOptions{RetainUntil: until}, []byte("x"))
	s.put("later", []byte("x"))
	switch {
	case !ok, errors.Is(err, backup.ErrNoHold):
		s.wantFatal("a protection that the store cannot give", err, backup.ErrNoHold)
		s.wantNone("put")
		if ok {
			err = holder.Hold(s.Context(), "later", until)
			s.wantFatal("a protection that the store cannot give", err, backup.ErrNoHold)
		}
		return
	case err != nil:
		s.Fatal(err)
	}
	if err := holder.Hold(s.Context(), "later", until); err != nil {
		s.Fatal(err)
	}
	for _, key := range []string{"put", "later"} {
		_, err := stream.Run(s.Context(), source.Of(key), s.store.Delete())
		s.wantFatal("deletion of "+key, err, backup.ErrHeld)
		s.want(key, []byte("x"))
		if err := holder.Hold(s.Context(), key, until.Add(time.Hour)); err != nil {
			s.Errorf("%s: longer: %v", key, err)
		}
	}
	short := time.Now().Add(time.Second).Truncate(time.Second) // services keep no fractions
	for _, key := range []string{"put", "later"} {
		if err := holder.Hold(s.Context(), key, short); err != nil {
			s.Errorf("%s: a shorter hold must be no error: %v", key, err)
		}
	}
	time.Sleep(time.Until(short.Add(100 * time.Millisecond))) // no store says until when it protects an object
	for _, key := range []string{"put", "later"} {
		_, err = stream.Run(s.Context(), source.Of(key), s.store.Delete())
		s.wantFatal("deletion of "+key+" after a shorter hold", err, backup.ErrHeld)
		s.want(key, []byte("x"))
	}
	s.wantFatal("Hold of no object", holder.Hold(s.Context(), "none", until), backup.ErrNotFound)
	if err := holder.Hold(s.Context(), "A", until); stream.ClassOf(err) != stream.Fatal {
		s.Errorf("Hold of a key that no object has: %v", err)
	}
}
