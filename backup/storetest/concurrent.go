package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// Of several writers at once, one stores its object.
func testRace(_ *testing.T, s suite) {
	const writers, rounds = 8, 5
	for round := range rounds {
		key := fmt.Sprint("race/", round)
		var begun, done sync.WaitGroup // all writers have begun before the first one ends
		begun.Add(writers)
		var errs [writers]error
		content := func(i int) []byte { return fmt.Append(nil, "writer ", i) }
		for i := range writers {
			done.Go(func() {
				var once sync.Once
				began := func() { once.Do(begun.Done) }
				defer began() // a store may refuse the key before it reads
				src := stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
					began()
					begun.Wait()
					return emit(content(i))
				})
				_, errs[i] = stream.Run(s.Context(), src, s.store.Put(key, nil))
			})
		}
		done.Wait()
		winner := -1
		for i, err := range errs {
			switch {
			case err == nil && winner < 0:
				winner = i
			case !errors.Is(err, backup.ErrExists):
				s.Errorf("writer %d: %v, after writer %d stored its object", i, err, winner)
			}
		}
		if winner < 0 {
			s.Fatal("no writer stored its object")
		}
		s.want(key, content(winner))
	}
}

// A list during writes and deletions has every object that is there all the time, once and in
// order, and no object that is not whole.
func testListDuringWrites(_ *testing.T, s suite) {
	const kept, rounds = 40, 15
	want := make([]string, kept)
	for i := range want {
		want[i] = fmt.Sprintf("d/%02d/kept", i)
		s.put(want[i], []byte("whole"))
	}
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for w := range 3 {
		writers.Go(func() {
			for i := w; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				key := fmt.Sprintf("d/%02d/brief-%d", i%kept, w)
				if err := s.tryPut(key, nil, []byte("whole")); err != nil {
					s.Error(err)
				}
				if _, err := stream.Run(s.Context(), source.Of(key), s.store.Delete()); err != nil {
					s.Error(err)
				}
			}
		})
	}
	for range rounds {
		objects, err := stream.Run(s.Context(), s.store.List("d/"), sink.Slice[backup.Object]())
		if err != nil {
			s.Error(err)
			break
		}
		var keys []string
		for i, o := range objects {
			if o.Size != int64(len("whole")) || i > 0 && o.Key <= objects[i-1].Key {
				s.Errorf("%+v is listed after %q", o, objects[max(i-1, 0)].Key)
			}
			if strings.HasSuffix(o.Key, "/kept") {
				keys = append(keys, o.Key)
			}
		}
		if !slices.Equal(keys, want) {
			s.Errorf("%d of %d objects are listed", len(keys), kept)
		}
	}
	close(stop)
	writers.Wait()
}
