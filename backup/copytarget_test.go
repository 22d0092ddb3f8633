package backup

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/millweir/millweir/stream"
)

// failingStore is a store whose operation op fails.
type failingStore struct {
	*memStore
	op string
}

var errBroken = stream.Mark(errors.New("the disk is broken"), stream.Fatal)

func (s failingStore) Put(key string, opts *PutOptions) stream.Sink[[]byte, Object] {
	if s.op == "Put" {
		return stream.SinkFunc[[]byte, Object](func(context.Context, stream.Source[[]byte]) (Object, error) {
			return Object{}, errBroken
		})
	}
	return s.memStore.Put(key, opts)
}

func (s failingStore) Get(key string, opts *GetOptions) stream.Source[[]byte] {
	if s.op == "Get" {
		return stream.Fail[[]byte](errBroken)
	}
	return s.memStore.Get(key, opts)
}

func (s failingStore) List(prefix string) stream.Source[Object] {
	if s.op == "List" {
		return stream.Fail[Object](errBroken)
	}
	return s.memStore.List(prefix)
}

// Check implements [Checker].
func (s failingStore) Check(context.Context) error {
	if s.op == "Check" {
		return errBroken
	}
	return nil
}

// An error of a copy says which of the two stores it is about.
func TestCopyNamesStore(t *testing.T) {
	r, store := makeRepository(t)
	run := makeBackup(t, r, time.Now(), plainCollection(t, "shop", "cookies", 5))
	for _, op := range []string{"Put", "Get", "List", "Check"} {
		to := newMemStore()
		_, err := Run(t.Context(), view(t, r, run).Copy(failingStore{to, op}, nil), 1)
		if !errors.As(err, new(*CopyTargetError)) || !errors.Is(err, errBroken) || stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%s of the target: %v", op, err)
		}
		if n := len(to.keys("")); n > 0 && op != "Get" && op != "List" {
			t.Errorf("%s of the target: %d objects are left", op, n)
		}
	}
	for _, op := range []string{"Get", "List"} {
		v := view(t, r, run)
		broken := *v.repo
		broken.store = failingStore{store, op}
		v.repo = &broken
		_, err := Run(t.Context(), v.Copy(newMemStore(), nil), 1)
		if errors.As(err, new(*CopyTargetError)) || !errors.Is(err, errBroken) {
			t.Errorf("%s of the backup: %v", op, err)
		}
	}
}

// A copy into a store that replaces objects is refused, and leaves nothing.
func TestCopyUnfitTarget(t *testing.T) {
	r, _ := makeRepository(t)
	run := makeBackup(t, r, time.Now(), plainCollection(t, "shop", "cookies", 5))
	to := newMemStore()
	_, err := Run(t.Context(), view(t, r, run).Copy(replacingStore{to}, nil), 1)
	if !errors.Is(err, ErrUnfit) || !errors.As(err, new(*CopyTargetError)) || len(to.keys("")) > 0 {
		t.Errorf("%v, and left %v", err, to.keys(""))
	}
}

// replacingStore is a store whose Put replaces objects.
type replacingStore struct{ *memStore }

func (s replacingStore) Put(key string, opts *PutOptions) stream.Sink[[]byte, Object] {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	delete(s.objects, key)
	return s.memStore.Put(key, opts)
}

// A repository that another process has gone on with is not removed from a store that seems unfit.
func TestUnfitStoreInUse(t *testing.T) {
	for _, other := range []string{repositoryKey + signatureSuffix, epochsPrefix + "x/recipient"} {
		to := newMemStore()
		leave(t, to, other)
		err := putProven(t.Context(), replacingStore{to}, repositoryKey, []byte("{}"))
		if !errors.Is(err, ErrUnfit) || to.objects[repositoryKey] == nil {
			t.Errorf("%s: %v, left %q", other, err, to.keys(""))
		}
	}
}

// A signature that a prune of the target deletes during the copy is an error.
func TestCopyLosesSignature(t *testing.T) {
	r, _ := makeRepository(t)
	run := makeBackup(t, r, time.Now(), plainCollection(t, "shop", "cookies", 5))
	to := &losingStore{newMemStore(), manifestKey(run)}
	_, err := Run(t.Context(), view(t, r, run).Copy(to, nil), 1)
	if !errors.Is(err, ErrNotFound) || !isOfTarget(err) {
		t.Error(err)
	}
}

// losingStore loses the signature of an object when it is stored.
type losingStore struct {
	*memStore
	key string
}

func (s *losingStore) Put(key string, opts *PutOptions) stream.Sink[[]byte, Object] {
	if key == s.key {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		delete(s.objects, key+signatureSuffix)
	}
	return s.memStore.Put(key, opts)
}
