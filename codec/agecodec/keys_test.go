package agecodec_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"filippo.io/age"
	"golang.org/x/crypto/ssh"

	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/stream"
)

type sshKey struct {
	public string
	pem    []byte
	secret crypto.PrivateKey
}

// sshKeys returns SSH keys of the kinds that age supports.
func sshKeys(t *testing.T) map[string]sshKey {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]sshKey{}
	for name, pair := range map[string][2]any{"ed25519": {public, private}, "rsa": {&r.PublicKey, r}} {
		block, err := ssh.MarshalPrivateKey(pair[1], "a comment")
		if err != nil {
			t.Fatal(err)
		}
		p, err := ssh.NewPublicKey(pair[0])
		if err != nil {
			t.Fatal(err)
		}
		keys[name] = sshKey{strings.TrimSpace(string(ssh.MarshalAuthorizedKey(p))), pem.EncodeToMemory(block), pair[1]}
	}
	return keys
}

func TestKeysByTheirText(t *testing.T) {
	x, pq := newKey(t), newHybridKey(t)
	pairs := map[string][2]string{
		"x25519":       {x.Recipient().String(), x.String()},
		"post-quantum": {pq.Recipient().String(), pq.String()},
		"in a file": {"# a comment\n\n  " + x.Recipient().String() + " \r\n", "# created\r\n# public key\r\n\r\n" +
			x.String() + "\r\n"},
	}
	for name, key := range sshKeys(t) {
		pairs["ssh "+name] = [2]string{key.public, "\n" + string(key.pem)}
	}
	for name, pair := range pairs {
		to, err := agecodec.ParseRecipients(pair[0])
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		with, err := agecodec.ParseIdentities(iotest.OneByteReader(strings.NewReader(pair[1])))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		file := must(t)(through(agecodec.Encrypt(to...), []byte("secret"), 0))
		if got, err := through(agecodec.Decrypt(with...), file, 0); err != nil || string(got) != "secret" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	to, err := agecodec.ParseRecipients(x.Recipient().String(), newKey(t).Recipient().String()+"\n"+
		sshKeys(t)["ed25519"].public)
	if err != nil || len(to) != 3 {
		t.Errorf("%d recipients, %v", len(to), err)
	}
	with, err := agecodec.ParseIdentities(strings.NewReader(x.String() + "\n" + pq.String()))
	if err != nil || len(with) != 2 {
		t.Errorf("%d identities, %v", len(with), err)
	}
}

func TestBadKeys(t *testing.T) {
	x := newKey(t)
	secret, public := x.String(), x.Recipient().String()
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"nothing":          {"", agecodec.ErrNoRecipients},
		"comments":         {"# one\n\n#two", agecodec.ErrNoRecipients},
		"secret":           {secret, nil},
		"secret, lower":    {strings.ToLower(secret), nil},
		"cut":              {public[:len(public)-1], nil},
		"changed":          {public[:10] + "q" + public[11:20] + "p" + public[21:], nil},
		"upper":            {strings.ToUpper(public), nil},
		"plugin":           {"age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t", nil},
		"ecdsa":            {"ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY=", nil},
		"ssh garbage":      {"ssh-ed25519 AAAA", nil},
		"secret in second": {public + "\n" + secret, nil},
	} {
		_, err := agecodec.ParseRecipients(c.text)
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("recipients, %s: %v", name, err)
		}
		leaks(t, name, err, secret)
	}
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"nothing":    {"", agecodec.ErrNoIdentities},
		"comments":   {"# one\n\n#two", agecodec.ErrNoIdentities},
		"public":     {public, nil},
		"cut":        {secret[:len(secret)-1], nil},
		"changed":    {secret[:30] + "QQ" + secret[32:], nil},
		"cut hybrid": {newHybridKey(t).String()[:70], nil},
		"plugin":     {"AGE-PLUGIN-YUBIKEY-1QQPQQQQQQQ", nil},
		"garbage":    {"hunter2 is the password", nil},
		"PEM garbage": {
			"-----BEGIN OPENSSH PRIVATE KEY-----\naHVudGVyMg==\n-----END OPENSSH PRIVATE KEY-----\n",
			nil,
		},
		"encrypted file": {"age-encryption.org/v1\n-> scrypt", nil},
		"armored file":   {"-----BEGIN AGE ENCRYPTED FILE-----\n", nil},
	} {
		_, err := agecodec.ParseIdentities(strings.NewReader(c.text))
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("identities, %s: %v", name, err)
		}
		leaks(t, name, err, secret, "hunter2")
	}
	boom := errors.New("boom")
	if _, err := agecodec.ParseIdentities(iotest.ErrReader(boom)); !errors.Is(err, boom) {
		t.Error(err)
	}
	// text beyond the limit is an error: otherwise a key there would be missing from the result
	for size, ok := range map[int]bool{16 << 20: true, 16<<20 + 1: false} {
		text := append([]byte(secret), bytes.Repeat([]byte("\n"), size-len(secret))...)
		if _, err := agecodec.ParseIdentities(bytes.NewReader(text)); (err == nil) != ok {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

// leaks fails the test if the error contains a part of a secret.
func leaks(t *testing.T, name string, err error, secrets ...string) {
	t.Helper()
	text := strings.ToUpper(fmt.Sprintf("%v %+v %#v", err, err, err))
	for _, s := range secrets {
		s = strings.TrimPrefix(strings.ToUpper(s), "AGE-SECRET-KEY-1")
		for i := 0; i+6 <= len(s); i++ {
			if strings.Contains(text, s[i:i+6]) {
				t.Errorf("%s: the error has key material in it: %v", name, err)
				return
			}
		}
	}
}

func TestEncryptedSSHKey(t *testing.T) {
	key := sshKeys(t)["ed25519"]
	block, err := ssh.MarshalPrivateKeyWithPassphrase(key.secret, "", []byte("open sesame"))
	if err != nil {
		t.Fatal(err)
	}
	locked := pem.EncodeToMemory(block)
	if _, err := agecodec.ParseIdentities(bytes.NewReader(locked)); !errors.Is(err, agecodec.ErrKeyEncrypted) {
		t.Errorf("ParseIdentities: %v", err)
	}
	if _, err := agecodec.ParseSSHIdentity(locked, nil); !errors.Is(err, agecodec.ErrKeyEncrypted) {
		t.Errorf("without a passphrase: %v", err)
	}
	to, err := agecodec.ParseRecipients(key.public)
	if err != nil {
		t.Fatal(err)
	}
	file := must(t)(through(agecodec.Encrypt(to...), []byte("secret"), 0))
	for _, c := range []struct {
		passphrase string
		ok         bool
	}{{"open sesame", true}, {"open barley", false}} {
		id, err := agecodec.ParseSSHIdentity(locked, func() ([]byte, error) { return []byte(c.passphrase), nil })
		if err != nil {
			t.Fatal(err)
		}
		got, err := through(agecodec.Decrypt(id), file, 0)
		if (err == nil) != c.ok || c.ok && string(got) != "secret" {
			t.Errorf("%q: %q, %v", c.passphrase, got, err)
		}
		leaks(t, "ssh", err, c.passphrase)
	}
}

// TestLockedSSHKey checks how runs behave while a passphrase is asked for.
func TestLockedSSHKey(t *testing.T) {
	key := sshKeys(t)["rsa"]
	block, err := ssh.MarshalPrivateKeyWithPassphrase(key.secret, "", []byte("open sesame"))
	if err != nil {
		t.Fatal(err)
	}
	to, err := agecodec.ParseRecipients(key.public)
	if err != nil {
		t.Fatal(err)
	}
	file := must(t)(through(agecodec.Encrypt(to...), []byte("secret"), 0))
	boom := errors.New("boom")
	asked, answer := 0, boom
	id, err := agecodec.ParseSSHIdentity(pem.EncodeToMemory(block), func() ([]byte, error) {
		asked++
		return []byte("open sesame"), answer
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := through(agecodec.Decrypt(id), file, 0); !errors.Is(err, boom) {
		t.Errorf("nobody answers: %v", err)
	}
	stranger := ageEncrypt(t, []byte("x"), newKey(t).Recipient())
	if _, err := through(agecodec.Decrypt(id), stranger, 0); !errors.Is(err, agecodec.ErrNoMatch) || asked != 1 {
		t.Errorf("another's file: %v, asked %d times", err, asked)
	}
	answer, asked = nil, 0
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if got, err := through(agecodec.Decrypt(id), file, 0); err != nil || string(got) != "secret" {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
	wg.Wait()
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	if text := fmt.Sprintf("%v %+v %#v %s", id, id, id, id); strings.Contains(text, "sesame") ||
		strings.Contains(text, "PRIVATE") || len(text) > 100 {
		t.Errorf("the key prints as %.300s", text)
	}
}

func TestPassphraseDoesNotPrint(t *testing.T) {
	const canary = "xyzzy-canary"
	id, to := agecodec.PassphraseIdentity(canary, nil), agecodec.PassphraseRecipient(canary, nil)
	type settings struct {
		id age.Identity
		to []age.Recipient
	}
	for _, v := range []any{
		to, id,
		[]age.Identity{id},
		settings{id, []age.Recipient{to}},
		&settings{id, []age.Recipient{to}}, // fmt does not call methods of unexported fields
		stream.Via(pieces(nil, 0), agecodec.Decrypt(id)), agecodec.Encrypt(to), agecodec.Format([]age.Recipient{to},
			[]age.Identity{id}),
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			text := fmt.Sprintf(verb, v)
			if strings.Contains(text, canary) || strings.Contains(text, fmt.Sprintf("%x", canary)) {
				t.Errorf("%s prints %s", verb, text)
			}
		}
	}
}

func ExampleParseRecipients() {
	to, err := agecodec.ParseRecipients(
		"# the safe's key",
		"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
	)
	fmt.Println(len(to), err)
	_, err = agecodec.ParseRecipients("AGE-SECRET-KEY-1…")
	fmt.Println(err)
	// Output:
	// 1 <nil>
	// agecodec: parse recipients: line 1: a secret key in place of a public key
}
