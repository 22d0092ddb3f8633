package backup

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/millweir/millweir/stream"
)

// memStore is a store in memory, whose objects a test can change.
type memStore struct {
	mutex   sync.Mutex
	objects map[string][]byte
	stored  map[string]time.Time // when objects were stored
	gets    []string
}

func newMemStore() *memStore {
	return &memStore{objects: map[string][]byte{}, stored: map[string]time.Time{}}
}

// clone returns a copy. The two share the bytes.
func (s *memStore) clone() *memStore {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return &memStore{objects: maps.Clone(s.objects), stored: maps.Clone(s.stored)}
}

// keys returns the keys that begin with a prefix, in order.
func (s *memStore) keys(prefix string) (keys []string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for key := range s.objects {
		if strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

func (s *memStore) Put(key string, _ *PutOptions) stream.Sink[[]byte, Object] {
	return stream.SinkFunc[[]byte, Object](func(ctx context.Context, src stream.Source[[]byte]) (Object, error) {
		var b bytes.Buffer
		if err := src.Each(ctx, func(p []byte) error {
			b.Write(p)
			return nil
		}); err != nil {
			return Object{}, err
		}
		s.mutex.Lock()
		defer s.mutex.Unlock()
		if s.objects[key] != nil {
			return Object{}, ErrExists
		}
		s.stored[key] = time.Now()
		s.objects[key] = slices.Clip(append([]byte{}, b.Bytes()...))
		return Object{Key: key, Size: int64(b.Len())}, CheckKey(key)
	})
}

func (s *memStore) Get(key string, opts *GetOptions) stream.Source[[]byte] {
	o := GetOptions{}
	if opts != nil {
		o = *opts
	}
	return stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
		s.mutex.Lock()
		body, ok := s.objects[key]
		s.gets = append(s.gets, key)
		s.mutex.Unlock()
		switch {
		case !ok:
			return failed(key, ErrNotFound)
		case o.Offset > int64(len(body)) || o.Length > int64(len(body))-o.Offset:
			return failed(key, stream.Mark(errShort, stream.Data))
		}
		body = body[o.Offset:]
		if o.Length > 0 {
			body = body[:o.Length]
		}
		if len(body) == 0 {
			return nil
		}
		return emit(body)
	})
}

var errShort = fatal("the object is shorter")

func (s *memStore) List(prefix string) stream.Source[Object] {
	return stream.SourceFunc[Object](func(_ context.Context, emit func(Object) error) error {
		for _, key := range s.keys(prefix) {
			s.mutex.Lock()
			o := Object{Key: key, Size: int64(len(s.objects[key])), Modified: s.stored[key]}
			s.mutex.Unlock()
			if err := emit(o); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *memStore) Delete() stream.Sink[string, int64] {
	return stream.SinkFunc[string, int64](func(ctx context.Context, src stream.Source[string]) (n int64, _ error) {
		return n, src.Each(ctx, func(key string) error {
			s.mutex.Lock()
			defer s.mutex.Unlock()
			delete(s.objects, key)
			n++
			return nil
		})
	})
}
