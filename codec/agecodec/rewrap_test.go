package agecodec_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"filippo.io/age"

	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

func TestRewrapContract(t *testing.T) {
	old, young := newKey(t), newKey(t)
	for name, rewrap := range map[string]func() flow{
		"verified":   func() flow { return agecodec.Rewrap([]age.Identity{old}, young.Recipient()) },
		"unverified": func() flow { return agecodec.RewrapUnverified([]age.Identity{old}, young.Recipient()) },
	} {
		t.Run(name, func(t *testing.T) { testRewrap(t, rewrap, old, young) })
	}
}

func testRewrap(t *testing.T, rewrap func() flow, old, young *age.X25519Identity) {
	files := map[int][]byte{}
	streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{
		New:  rewrap,
		Many: 10,
		Input: func(n int) [][]byte {
			if files[n] == nil {
				files[n] = ageEncrypt(t, noise(n*chunk), old.Recipient())
			}
			var all [][]byte
			for p := range bytesChunks(files[n], chunk+16) {
				all = append(all, p)
			}
			return all
		},
		View: func(out [][]byte) any {
			p, _ := readAge(bytes.Join(out, nil), young)
			return p
		},
		Want: func(t *testing.T, in, out [][]byte) {
			p, err := readAge(bytes.Join(out, nil), young)
			if want := noise(len(bytes.Join(in, nil)) / (chunk + 16) * chunk); err != nil || !bytes.Equal(p, want) {
				t.Errorf("not the same bytes: %v", err)
			}
		},
		Bad: []flow{
			agecodec.Rewrap(nil, young.Recipient()),
			agecodec.Rewrap([]age.Identity{old}),
			agecodec.Rewrap([]age.Identity{nil}, young.Recipient()),
			agecodec.Rewrap([]age.Identity{old}, nil),
			agecodec.Rewrap([]age.Identity{old}, young.Recipient(), newHybridKey(t).Recipient()),
			agecodec.Rewrap([]age.Identity{old}, young.Recipient(), agecodec.PassphraseRecipient("x", nil)),
			agecodec.Rewrap([]age.Identity{old}, agecodec.PassphraseRecipient("", nil)),
			agecodec.Rewrap([]age.Identity{old}, agecodec.PassphraseRecipient("x",
				&agecodec.PassphraseOptions{WorkFactor: 31})),
		},
	})
}

// readAge decrypts with age itself.
func readAge(file []byte, with ...age.Identity) ([]byte, error) {
	r, err := age.Decrypt(bytes.NewReader(file), with...)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// payloadOf returns the part of the file after the header.
func payloadOf(t *testing.T, file []byte) []byte {
	t.Helper()
	info, err := stream.Run(ctx, pieces(file, 0), agecodec.Inspect())
	if err != nil {
		t.Fatal(err)
	}
	return file[info.HeaderSize:]
}

func TestRewrap(t *testing.T) {
	a, b, pq, stranger := newKey(t), newKey(t), newHybridKey(t), newKey(t)
	cheap := &agecodec.PassphraseOptions{WorkFactor: 10}
	sorts := map[string]struct {
		to   []age.Recipient
		with age.Identity
	}{
		"x25519":       {[]age.Recipient{a.Recipient()}, a},
		"two":          {[]age.Recipient{stranger.Recipient(), b.Recipient()}, b},
		"post-quantum": {[]age.Recipient{pq.Recipient()}, pq},
		"passphrase": {[]age.Recipient{agecodec.PassphraseRecipient("pw", cheap)}, agecodec.PassphraseIdentity("pw",
			nil)},
	}
	for name, key := range sshKeys(t) {
		to, err := agecodec.ParseRecipients(key.public)
		if err != nil {
			t.Fatal(err)
		}
		id, err := agecodec.ParseSSHIdentity(key.pem, nil)
		if err != nil {
			t.Fatal(err)
		}
		sorts["ssh "+name] = struct {
			to   []age.Recipient
			with age.Identity
		}{to, id}
	}
	for from, old := range sorts {
		for to, young := range sorts {
			data := noise(chunk + 1)
			file := ageEncrypt(t, data, old.to...)
			got, err := through(agecodec.Rewrap([]age.Identity{old.with}, young.to...), file, 1000)
			if err != nil {
				t.Errorf("%s to %s: %v", from, to, err)
				continue
			}
			if !bytes.Equal(payloadOf(t, got), payloadOf(t, file)) {
				t.Errorf("%s to %s: the payload has changed", from, to)
			}
			if p, err := readAge(got, young.with); err != nil || !bytes.Equal(p, data) {
				t.Errorf("%s to %s: age reads %d bytes, %v", from, to, len(p), err)
			}
			if from != to {
				if _, err := through(agecodec.Decrypt(old.with), got, 0); !errors.Is(err, agecodec.ErrNoMatch) {
					t.Errorf("%s to %s: with the old key: %v", from, to, err)
				}
			}
		}
	}
	for _, size := range edges {
		file := ageEncrypt(t, noise(size), a.Recipient())
		for _, cut := range []int{0, 1000, chunk + 16, chunk + 17} {
			got := must(t)(through(agecodec.Rewrap([]age.Identity{a}, b.Recipient()), file, cut))
			if !bytes.Equal(payloadOf(t, got), payloadOf(t, file)) {
				t.Errorf("%d bytes cut at %d: the payload has changed", size, cut)
			}
		}
	}
}

// TestRewrapRefuses checks what fails, and that nothing is emitted before the header is
// authenticated.
func TestRewrapRefuses(t *testing.T) {
	boom := errors.New("boom")
	a, b := newKey(t), newKey(t)
	data := noise(2*chunk + 5)
	file := ageEncrypt(t, data, a.Recipient())
	head := len(file) - len(payloadOf(t, file))
	with := func(id age.Identity, to ...age.Recipient) flow { return agecodec.Rewrap([]age.Identity{id}, to...) }
	for name, c := range map[string]struct {
		file []byte
		flow flow
		want error
	}{
		"stranger":          {file, with(b, b.Recipient()), agecodec.ErrNoMatch},
		"failing identity":  {file, with(failingKey{boom}, b.Recipient()), boom},
		"failing recipient": {file, with(a, failingKey{boom}), boom},
		"no stanza":         {file, with(a, stanzas{}), nil},
		"no recipient":      {file, with(a), agecodec.ErrNoRecipients},
		"no identity":       {file, agecodec.Rewrap(nil, b.Recipient()), agecodec.ErrNoIdentities},
		"cut header":        {file[:head-1], with(a, b.Recipient()), agecodec.ErrTruncated},
		"header alone":      {file[:head], with(a, b.Recipient()), agecodec.ErrTruncated},
		"cut nonce":         {file[:head+15], with(a, b.Recipient()), agecodec.ErrTruncated},
		"empty":             {nil, with(a, b.Recipient()), agecodec.ErrTruncated},
		"text":              {[]byte("hello"), with(a, b.Recipient()), agecodec.ErrDamaged},
	} {
		got, err := through(c.flow, c.file, 100)
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if len(got) > 0 {
			t.Errorf("%s: %d bytes came out", name, len(got))
		}
	}
	for name, f := range map[string]flow{"no recipient": with(a), "no identity": agecodec.RewrapUnverified(nil,
		b.Recipient())} {
		if err := stream.Via(refuses(t), f).Each(t.Context(), nil); stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%s, before anything is read: %v", name, err)
		}
	}
	for i := range head {
		bad := bytes.Clone(file)
		bad[i] ^= 1
		if got, err := through(with(a, b.Recipient()), bad, 0); err == nil || len(got) > 0 {
			t.Errorf("header flipped at %d: %d bytes came out, %v", i, len(got), err)
		}
	}
	for name, n := range map[string]int{"nonce": head + 3, "last chunk": len(file) - 18, "last tag": len(file) - 1} {
		bad := bytes.Clone(file)
		bad[n] ^= 1
		if _, err := through(with(a, b.Recipient()), bad, 0); !errors.Is(err, agecodec.ErrDamaged) {
			t.Errorf("%s flipped: %v", name, err)
		}
	}
	for n, want := range map[int]error{
		head + 16: agecodec.ErrTruncated, head + 16 + chunk + 16: agecodec.ErrTruncated,
		head + 16 + 2*(chunk+16): agecodec.ErrTruncated,
		head + 17:                agecodec.ErrDamaged, head + 16 + chunk: agecodec.ErrDamaged,
		len(file) - 1: agecodec.ErrDamaged,
	} {
		if _, err := through(with(a, b.Recipient()), file[:n], 0); !errors.Is(err, want) {
			t.Errorf("cut at %d of %d: %v, want %v", n, len(file), err, want)
		}
	}
	if _, err := through(with(a, b.Recipient()), append(bytes.Clone(file), 0), 0); !errors.Is(err,
		agecodec.ErrDamaged) {
		t.Errorf("a byte behind the end: %v", err)
	}
}

// TestIdentityKeepsItsKey runs twice with an identity that returns its own memory.
func TestIdentityKeepsItsKey(t *testing.T) {
	key := newKey(t)
	file := ageEncrypt(t, []byte("secret"), key.Recipient())
	fileKey, err := age.DecryptHeader(file, key)
	if err != nil {
		t.Fatal(err)
	}
	id := age.NewInjectedFileKeyIdentity(fileKey)
	for range 2 {
		if got, err := through(agecodec.Decrypt(id), file, 0); err != nil || string(got) != "secret" {
			t.Errorf("%q, %v", got, err)
		}
		if _, err := through(agecodec.Rewrap([]age.Identity{id}, key.Recipient()), file, 0); err != nil {
			t.Error(err)
		}
	}
}

func ExampleRewrap() {
	old, _ := age.GenerateX25519Identity()
	young, err := age.GenerateX25519Identity()
	if err != nil {
		fmt.Println(err)
		return
	}
	file, err := stream.Run(ctx, stream.Via(source.Of([]byte("through the mill")), agecodec.Encrypt(old.Recipient())),
		sink.Slice[[]byte]())
	if err != nil {
		fmt.Println(err)
		return
	}
	rotated := stream.Via(source.Slice(file), agecodec.Rewrap([]age.Identity{old}, young.Recipient()))
	err = stream.Via(rotated, agecodec.Decrypt(young)).Each(context.Background(), func(p []byte) error {
		fmt.Printf("%s\n", p)
		return nil
	})
	fmt.Println(err)
	// Output:
	// through the mill
	// <nil>
}

// The old file is kept until the new one has been read to its end.
func ExampleRewrapUnverified() {
	old, _ := age.GenerateX25519Identity()
	young, err := age.GenerateX25519Identity()
	if err != nil {
		fmt.Println(err)
		return
	}
	file := stream.Via(source.Of([]byte("through the mill")), agecodec.Encrypt(old.Recipient()))
	rotated, err := stream.Run(ctx, stream.Via(file, agecodec.RewrapUnverified([]age.Identity{old}, young.Recipient())),
		sink.Slice[[]byte]())
	if err != nil {
		fmt.Println(err)
		return
	}
	err = stream.Via(source.Slice(rotated), agecodec.Decrypt(young)).Each(ctx, func([]byte) error { return nil })
	fmt.Println("the old file may go:", err == nil)
	// Output:
	// the old file may go: true
}
