package agecodec_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"filippo.io/age"
	"golang.org/x/crypto/ssh"

	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

var errStop = errors.New("stop")

// countdown is a context that is canceled at the nth call of Err.
type countdown struct {
	context.Context
	cancel context.CancelCauseFunc
	left   atomic.Int64
	asked  atomic.Int64 // calls of Err since it was canceled
}

func newCountdown(ctx context.Context, n int) *countdown {
	c := new(countdown)
	c.Context, c.cancel = context.WithCancelCause(ctx)
	c.left.Store(int64(n))
	return c
}

// Err implements [context.Context].
func (c *countdown) Err() error {
	if c.left.Add(-1) == 0 {
		c.cancel(errStop)
	}
	err := c.Context.Err()
	if err != nil {
		c.asked.Add(1)
	}
	return err
}

// scryptFile returns an age file that no passphrase opens.
func scryptFile(t *testing.T, workFactor string) []byte {
	t.Helper()
	s := &age.Stanza{Type: "scrypt", Args: []string{"AAAAAAAAAAAAAAAAAAAAAA", workFactor}, Body: noise(32)}
	return must(t)(through(agecodec.Encrypt(stanzas{s}), []byte("secret"), 0))
}

// TestCancelEndsTheSearchForAKey cancels while identities are tried, each time a little later. The
// run ends with the cause at the next check of the context, and not with the result of the
// interrupted search.
func TestCancelEndsTheSearchForAKey(t *testing.T) {
	var many []age.Identity
	for range 20 {
		many = append(many, newKey(t))
	}
	// The header has the most stanzas allowed, and none of the identities matches them.
	to := newKey(t).Recipient()
	wide := must(t)(through(agecodec.Encrypt(slices.Repeat([]age.Recipient{to}, 1024)...), []byte("secret"), 0))
	word, err := age.NewScryptIdentity("pw")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		file []byte
		with []age.Identity
		at   []int // which call of Err cancels it
	}{
		"1,024 stanzas and 20 keys": {wide, many, []int{1, 2, 3, 500, 1500}},
		"passphrase of 2^14": {
			scryptFile(t, "14"),
			[]age.Identity{agecodec.PassphraseIdentity("pw", nil)},
			[]int{1, 2, 10, 25},
		},
		"age's passphrase": {scryptFile(t, "5"), []age.Identity{word}, []int{1}},
		"hidden":           {scryptFile(t, "5"), []age.Identity{agecodec.Hide(word)}, []int{1}},
	} {
		for _, at := range c.at {
			for what, f := range map[string]flow{
				"decrypt": agecodec.Decrypt(c.with...),
				"rewrap":  agecodec.Rewrap(c.with, to),
			} {
				ctx := newCountdown(t.Context(), at)
				out := 0
				err := stream.Via(pieces(c.file, 0), f).Each(ctx, func([]byte) error { out++; return nil })
				if err != errStop || out > 0 { //nolint:errorlint // unchanged
					t.Errorf("%s, %s, cancelled at %d: %v, want %v; %d chunks", name, what, at, err, errStop, out)
				}
				if n := ctx.asked.Load(); n > 10 { // each layer checks the context once or twice
					t.Errorf("%s, %s, cancelled at %d: it looked %d times until it ended", name, what, at, n)
				}
			}
		}
	}
}

// TestCancelEndsEncrypt cancels while a key is derived from a passphrase.
func TestCancelEndsEncrypt(t *testing.T) {
	to := agecodec.PassphraseRecipient("pw", &agecodec.PassphraseOptions{WorkFactor: 14})
	for _, at := range []int{1, 2, 20} {
		ctx := newCountdown(t.Context(), at)
		err := stream.Via(pieces([]byte("x"), 0), agecodec.Encrypt(to)).Each(ctx, func([]byte) error {
			t.Error("something came out")
			return nil
		})
		if err != errStop { //nolint:errorlint // unchanged
			t.Errorf("cancelled at %d: %v, want %v", at, err, errStop)
		}
	}
}

// stuck is an identity and a recipient that waits until release is closed.
type stuck struct {
	release chan struct{}
	begun   func()
}

func (s stuck) Unwrap([]*age.Stanza) ([]byte, error) {
	s.begun()
	<-s.release
	return nil, age.ErrIncorrectIdentity
}

func (s stuck) Wrap([]byte) ([]*age.Stanza, error) {
	s.begun()
	<-s.release
	return nil, errTest
}

// TestCancelDoesNotWaitForIdentities cancels while an identity, a recipient, or a person who was
// asked for a passphrase does not answer. The run ends without any delay.
func TestCancelDoesNotWaitForIdentities(t *testing.T) {
	key := newKey(t)
	file := ageEncrypt(t, []byte("secret"), key.Recipient())
	sshKey := sshKeys(t)["ed25519"]
	block, err := ssh.MarshalPrivateKeyWithPassphrase(sshKey.secret, "", []byte("pw"))
	if err != nil {
		t.Fatal(err)
	}
	sshTo, err := agecodec.ParseRecipients(sshKey.public)
	if err != nil {
		t.Fatal(err)
	}
	sshFile := ageEncrypt(t, []byte("secret"), sshTo...)
	for name, c := range map[string]struct {
		file []byte
		flow func(s stuck) flow
	}{
		"decrypt":            {file, func(s stuck) flow { return agecodec.Decrypt(s) }},
		"decrypt, hidden":    {file, func(s stuck) flow { return agecodec.Decrypt(agecodec.Hide(s)) }},
		"rewrap's identity":  {file, func(s stuck) flow { return agecodec.Rewrap([]age.Identity{s}, key.Recipient()) }},
		"rewrap's recipient": {file, func(s stuck) flow { return agecodec.Rewrap([]age.Identity{key}, s) }},
		"encrypt":            {file, func(s stuck) flow { return agecodec.Encrypt(s) }},
		"a person is asked": {sshFile, func(s stuck) flow {
			id, err := agecodec.ParseSSHIdentity(pem.EncodeToMemory(block), func() ([]byte, error) {
				s.begun()
				<-s.release
				return nil, errTest
			})
			if err != nil {
				t.Fatal(err)
			}
			return agecodec.Decrypt(id)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				s := stuck{make(chan struct{}), func() { cancel(errStop) }}
				defer close(s.release) // ends the goroutine of stuck: the bubble cannot end before it
				_, err := stream.Run(ctx, stream.Via(pieces(c.file, 0), c.flow(s)), sink.Slice[[]byte]())
				if !errors.Is(err, errStop) || errors.Is(err, agecodec.ErrNoMatch) {
					t.Errorf("%v, want %v", err, errStop)
				}
			})
		})
	}
}

// lateCancel is a context that is canceled right after its first call of Err.
type lateCancel struct {
	context.Context
	cancel context.CancelCauseFunc
}

// Err implements [context.Context].
func (c lateCancel) Err() error {
	err := c.Context.Err()
	c.cancel(errStop)
	return err
}

// begins is an identity and a recipient that calls its function when it begins to work.
type begins func()

func (b begins) Unwrap([]*age.Stanza) ([]byte, error) { b(); return nil, age.ErrIncorrectIdentity }
func (b begins) Wrap([]byte) ([]*age.Stanza, error)   { b(); return nil, errTest }

// TestNoIdentityBeginsAfterTheRun cancels after the last check of the context before an identity or
// a recipient starts on its goroutine. It must not begin, such as by asking a person, once the run
// has ended.
func TestNoIdentityBeginsAfterTheRun(t *testing.T) {
	file := ageEncrypt(t, []byte("secret"), newKey(t).Recipient())
	for name, f := range map[string]func(b begins) flow{
		"decrypt": func(b begins) flow { return agecodec.Decrypt(b) },
		"encrypt": func(b begins) flow { return agecodec.Encrypt(b) },
	} {
		for range 200 {
			synctest.Test(t, func(t *testing.T) {
				var ended atomic.Bool
				inner, cancel := context.WithCancelCause(t.Context())
				err := stream.Via(pieces(file, 0), f(func() {
					if ended.Load() {
						t.Errorf("%s: it began after the run", name)
					}
				})).Each(lateCancel{inner, cancel}, func([]byte) error { return nil })
				ended.Store(true)
				if !errors.Is(err, errStop) {
					t.Errorf("%s: %v, want %v", name, err, errStop)
				}
				synctest.Wait()
			})
		}
	}
}

// breaking is an identity and a recipient that panics or exits.
type breaking func()

func (b breaking) Unwrap([]*age.Stanza) ([]byte, error) { b(); return nil, nil }
func (b breaking) Wrap([]byte) ([]*age.Stanza, error)   { b(); return nil, nil }

// TestIdentitiesThatPanic: a panic or Goexit in an identity continues on the caller's goroutine,
// although the identity runs on another one.
func TestIdentitiesThatPanic(t *testing.T) {
	file := ageEncrypt(t, []byte("secret"), newKey(t).Recipient())
	for name, f := range map[string]func(b breaking) flow{
		"decrypt": func(b breaking) flow { return agecodec.Decrypt(b) },
		"encrypt": func(b breaking) flow { return agecodec.Encrypt(b) },
	} {
		func() {
			defer func() {
				p, ok := recover().(*stream.PanicError)
				if !ok || p.Value != "ouch" || !bytes.Contains(p.Stack, []byte("breaking")) {
					t.Errorf("%s: the panic is %v", name, p)
				}
			}()
			_, err := through(f(func() { panic("ouch") }), file, 0)
			t.Errorf("%s: %v", name, err)
		}()
		ended := make(chan bool)
		go func() {
			defer close(ended)
			_, err := through(f(runtime.Goexit), file, 0)
			t.Errorf("%s, Goexit: %v", name, err)
		}()
		<-ended
	}
}

// TestAgePassphrasesAreBounded: a file cannot make age's own identity take 4 GiB, which its default
// allows.
func TestAgePassphrasesAreBounded(t *testing.T) {
	word, err := age.NewScryptIdentity("pw")
	if err != nil {
		t.Fatal(err)
	}
	for _, factor := range []string{"21", "22", "23", "30", "99999999999999999999"} {
		for name, id := range map[string]age.Identity{
			"open": word, "hidden": agecodec.Hide(word),
			"ours": agecodec.PassphraseIdentity("pw", nil),
		} {
			_, err := through(agecodec.Decrypt(id), scryptFile(t, factor), 0)
			if !errors.Is(err, agecodec.ErrWorkFactor) || !strings.Contains(err.Error(), "MaxWorkFactor") {
				t.Errorf("%s, 2^%s: %v", name, factor, err)
			}
		}
	}
}
