package agecodec_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"filippo.io/age"

	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/stream"
)

// refuses is an upstream that fails the test if it is started.
func refuses(t *testing.T) stream.Source[[]byte] {
	return stream.SourceFunc[[]byte](func(context.Context, func([]byte) error) error {
		t.Error("the upstream was started")
		return nil
	})
}

type failingKey struct{ err error }

func (f failingKey) Wrap([]byte) ([]*age.Stanza, error) { return nil, f.err }

func (f failingKey) Unwrap([]*age.Stanza) ([]byte, error) { return nil, f.err }

type stanzas []*age.Stanza

func (s stanzas) Wrap([]byte) ([]*age.Stanza, error) { return s, nil }

func TestEncryptRefuses(t *testing.T) {
	boom := errors.New("boom")
	key, pq := newKey(t).Recipient(), newHybridKey(t).Recipient()
	pass := agecodec.PassphraseRecipient("x", &agecodec.PassphraseOptions{WorkFactor: 1})
	var none *age.X25519Recipient
	for _, c := range []struct {
		name string
		to   []age.Recipient
		want error
	}{
		{"nobody", nil, agecodec.ErrNoRecipients},
		{"nil", []age.Recipient{key, nil}, nil},
		{"nil pointer", []age.Recipient{none}, nil},
		{"failing", []age.Recipient{key, failingKey{boom}}, boom},
		{"post-quantum mixed", []age.Recipient{key, pq}, nil},
		{"passphrase mixed", []age.Recipient{pass, key}, nil},
		{"two passphrases", []age.Recipient{pass, pass}, nil},
		{"empty passphrase", []age.Recipient{agecodec.PassphraseRecipient("", nil)}, nil},
		{
			"work factor",
			[]age.Recipient{agecodec.PassphraseRecipient("x", &agecodec.PassphraseOptions{WorkFactor: 31})},
			nil,
		},
		{
			"negative work factor",
			[]age.Recipient{agecodec.PassphraseRecipient("x", &agecodec.PassphraseOptions{WorkFactor: -1})},
			nil,
		},
		{
			"work factor of decryption",
			[]age.Recipient{agecodec.PassphraseRecipient("x", &agecodec.PassphraseOptions{
				WorkFactor:    1,
				MaxWorkFactor: 31,
			})},
			nil,
		},
		{
			"negative work factor of decryption",
			[]age.Recipient{agecodec.PassphraseRecipient("x", &agecodec.PassphraseOptions{
				WorkFactor:    1,
				MaxWorkFactor: -1,
			})},
			nil,
		},
		{"no stanza", []age.Recipient{stanzas{}}, nil},
		{"malformed type", []age.Recipient{stanzas{{Type: "a b"}}}, nil},
		{"malformed argument", []age.Recipient{stanzas{{Type: "a", Args: []string{"x\ny"}}}}, nil},
	} {
		err := stream.Via(refuses(t), agecodec.Encrypt(c.to...)).Each(context.Background(), func(p []byte) error {
			t.Errorf("%s: emitted %d bytes", c.name, len(p))
			return nil
		})
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestDecryptRefuses(t *testing.T) {
	if err := stream.Via(refuses(t), agecodec.Decrypt()).Each(context.Background(), nil); !errors.Is(err,
		agecodec.ErrNoIdentities) {
		t.Error(err)
	}
	if err := stream.Via(refuses(t), agecodec.Decrypt(nil)).Each(context.Background(), nil); err == nil {
		t.Error("nil identity: no error")
	}
	boom := errors.New("boom")
	key := newKey(t)
	file := ageEncrypt(t, []byte("x"), key.Recipient())
	if _, err := through(agecodec.Decrypt(failingKey{boom}), file, 0); !errors.Is(err, boom) ||
		errors.Is(err, agecodec.ErrDamaged) {
		t.Errorf("failing identity: %v", err)
	}
	// X25519 keys never ask a person, so they are tried first.
	if got, err := through(agecodec.Decrypt(failingKey{boom}, key), file, 0); err != nil || string(got) != "x" {
		t.Errorf("failing identity beside the right one: %q, %v", got, err)
	}
}

// manyWords is a recipient that returns a stanza with n arguments and a body of size bytes.
type manyWords struct{ n, size int }

func (m manyWords) Wrap([]byte) ([]*age.Stanza, error) {
	return []*age.Stanza{{Type: "words", Args: slices.Repeat([]string{"a"}, m.n), Body: make([]byte, m.size)}}, nil
}

// TestUnreadableHeaders checks that Encrypt refuses headers that readers would refuse.
func TestUnreadableHeaders(t *testing.T) {
	key := newKey(t)
	old := ageEncrypt(t, noise(10), key.Recipient())
	for name, c := range map[string]struct {
		to []age.Recipient
		ok bool
	}{
		"1,024 stanzas":   {slices.Repeat([]age.Recipient{key.Recipient()}, 1024), true},
		"1,025 stanzas":   {slices.Repeat([]age.Recipient{key.Recipient()}, 1025), false},
		"128 arguments":   {[]age.Recipient{key.Recipient(), manyWords{128, 1}}, true},
		"129 arguments":   {[]age.Recipient{key.Recipient(), manyWords{129, 1}}, false},
		"less than 2 MiB": {[]age.Recipient{key.Recipient(), manyWords{1, 1_500_000}}, true},
		"more than 2 MiB": {[]age.Recipient{key.Recipient(), manyWords{1, 1_600_000}}, false},
	} {
		for what, f := range map[string]struct {
			flow flow
			in   []byte
		}{"encrypt": {agecodec.Encrypt(c.to...), noise(10)}, "rewrap": {
			agecodec.Rewrap([]age.Identity{key}, c.to...),
			old,
		}} {
			file, err := through(f.flow, f.in, 0)
			if c.ok {
				if back, err := through(agecodec.Decrypt(key), must(t)(file, err), 0); err != nil ||
					!bytes.Equal(back, noise(10)) {
					t.Errorf("%s, %s: %v", what, name, err)
				}
			} else if !errors.Is(err, agecodec.ErrRecipients) || len(file) > 0 {
				t.Errorf("%s, %s: %d bytes, %v", what, name, len(file), err)
			}
		}
	}
}
