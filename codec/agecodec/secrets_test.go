package agecodec_test

import (
	"bytes"
	"errors"
	"testing"

	"filippo.io/age"

	"github.com/millweir/millweir/codec/agecodec"
)

// TestEveryRunHasAKeyOfItsOwn: a key and its nonces are never used for two files, even if the same
// flow encrypts the same data.
func TestEveryRunHasAKeyOfItsOwn(t *testing.T) {
	key := newKey(t)
	f := agecodec.Encrypt(key.Recipient())
	keys, nonces, chunks := map[string]bool{}, map[string]bool{}, map[string]bool{}
	const runs = 50
	for range runs {
		file := must(t)(through(f, make([]byte, 100), 0))
		fileKey, err := age.DecryptHeader(file, key)
		if err != nil {
			t.Fatal(err)
		}
		payload := payloadOf(t, file)
		keys[string(fileKey)], nonces[string(payload[:16])], chunks[string(payload[16:])] = true, true, true
	}
	if len(keys) != runs || len(nonces) != runs || len(chunks) != runs {
		t.Errorf("of %d files: %d keys, %d nonces, %d payloads", runs, len(keys), len(nonces), len(chunks))
	}
}

var errTest = errors.New("the test's own failure")

// keeper is a recipient that keeps the slice with the file key that it is given.
type keeper struct {
	age.Recipient
	shown  []byte
	copied []byte
}

func (k *keeper) Wrap(fileKey []byte) ([]*age.Stanza, error) {
	k.shown, k.copied = fileKey, bytes.Clone(fileKey)
	return k.Recipient.Wrap(fileKey)
}

// TestFileKeysAreOverwritten: the memory of a file key is cleared when a run succeeds or fails.
func TestFileKeysAreOverwritten(t *testing.T) {
	old, young := newKey(t), newKey(t)
	file := ageEncrypt(t, noise(100), old.Recipient())
	bad := bytes.Clone(file)
	bad[len(bad)-1] ^= 1
	for name, c := range map[string]struct {
		flow func(to age.Recipient) flow
		in   []byte
		ok   bool
	}{
		"encrypt": {func(to age.Recipient) flow { return agecodec.Encrypt(to) }, noise(100), true},
		"encrypt fails": {func(to age.Recipient) flow {
			return agecodec.Encrypt(to, failingKey{errTest})
		}, noise(100), false},
		"rewrap": {func(to age.Recipient) flow {
			return agecodec.Rewrap([]age.Identity{old}, to)
		}, file, true},
		"rewrap, damaged": {func(to age.Recipient) flow {
			return agecodec.Rewrap([]age.Identity{old}, to)
		}, bad, false},
	} {
		k := &keeper{Recipient: young.Recipient()}
		if _, err := through(c.flow(k), c.in, 0); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		if len(k.shown) != 16 || bytes.Equal(k.copied, make([]byte, 16)) {
			t.Fatalf("%s: was shown %x", name, k.copied)
		}
		if !bytes.Equal(k.shown, make([]byte, 16)) {
			t.Errorf("%s: the file key is still in memory", name)
		}
	}
}
