package agecodec_test

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"filippo.io/age"
	"golang.org/x/crypto/ssh"

	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/stream"
)

// TestNothingPrintsAKey prints each kind of key inside everything that may hold it.
func TestNothingPrintsAKey(t *testing.T) {
	n := 0
	for kind, c := range canaries(t) {
		for holder, v := range holders(c.what) {
			for how, text := range printings(v) {
				n++
				if s := shown(text, c.forms); s != "" {
					t.Errorf("%s in %s, by %s, shows %.40q in %.300q", kind, holder, how, s, text)
				}
			}
		}
		if text := fmt.Sprintf("%v", c.what); len(text) > 40 || text == "" {
			t.Errorf("%s prints as %q", kind, text)
		}
	}
	t.Logf("%d printings", n)
}

// TestSourcesHideForeignKeys prints pipelines whose identities would show their keys.
func TestSourcesHideForeignKeys(t *testing.T) {
	fileKey := []byte("0123456789abcdef")
	id := age.NewInjectedFileKeyIdentity(fileKey)
	for name, v := range map[string]any{
		"decrypted":  stream.Via(pieces(nil, 0), agecodec.Decrypt(id)),
		"whole":      stream.Via(pieces(nil, 0), agecodec.DecryptWhole(id)),
		"rewrapped":  stream.Via(pieces(nil, 0), agecodec.Rewrap([]age.Identity{id}, newX25519Recipient)),
		"unverified": stream.Via(pieces(nil, 0), agecodec.RewrapUnverified([]age.Identity{id}, newX25519Recipient)),
		"pair":       agecodec.Format(nil, []age.Identity{id}),
		"encrypted":  stream.Via(pieces(nil, 0), agecodec.Encrypt(openRecipient{fileKey})),
	} {
		for how, text := range printings(v) {
			if s := shown(text, forms(fileKey)); s != "" {
				t.Errorf("%s, by %s, shows %q", name, how, text)
			}
		}
	}
}

// openRecipient is a recipient whose printed form shows a secret.
type openRecipient struct{ Secret []byte }

func (openRecipient) Wrap([]byte) ([]*age.Stanza, error) { return nil, io.EOF }

// TestThePrintingsFindKeys proves that the tests above can fail: printing an identity of age shows
// its key.
func TestThePrintingsFindKeys(t *testing.T) {
	x, pq := newKey(t), newHybridKey(t)
	for name, c := range map[string]canary{
		"x25519":       {x, secretsOf(t, x)},
		"post-quantum": {pq, secretsOf(t, pq)},
		"injected":     {age.NewInjectedFileKeyIdentity([]byte("0123456789abcdef")), forms([]byte("0123456789abcdef"))},
	} {
		found := false
		for _, text := range printings(c.what) {
			found = found || shown(text, c.forms) != ""
		}
		if !found {
			t.Errorf("%s: no printing shows the key", name)
		}
	}
}

// TestKinds prints each kind of key alone: every form is the name of the kind.
func TestKinds(t *testing.T) {
	for name, c := range canaries(t) {
		want := "SSH identity"
		switch name {
		case "x25519", "age's x25519":
			want = "X25519 identity"
		case "post-quantum", "age's post-quantum":
			want = "hybrid post-quantum identity"
		case "age's passphrase", "passphrase", "passphrase recipient":
			want = "passphrase"
		case "injected":
			want = "identity"
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			if got := fmt.Sprintf(verb, c.what); got != want {
				t.Errorf("%s prints by %s as %q, want %q", name, verb, got, want)
			}
		}
		if got := c.what.(fmt.Stringer).String(); got != want {
			t.Errorf("%s is as a string %q, want %q", name, got, want)
		}
		if got, err := json.Marshal(c.what); err != nil || string(got) != `"`+want+`"` {
			t.Errorf("%s is in JSON %s, %v; want %q", name, got, err, want)
		}
		var b bytes.Buffer
		slog.New(slog.NewJSONHandler(&b, nil)).Info("", "key", c.what)
		if !strings.Contains(b.String(), `"key":"`+want+`"`) {
			t.Errorf("%s is logged as %s, want %q", name, &b, want)
		}
	}
}

func TestHiddenIdentitiesWork(t *testing.T) {
	x, pq := newKey(t), newHybridKey(t)
	kinds := map[string]age.Identity{
		"x25519": agecodec.Hide(x), "post-quantum": agecodec.Hide(pq), "twice": agecodec.Hide(agecodec.Hide(x)),
		"open":       x,
		"passphrase": agecodec.PassphraseIdentity("pw", &agecodec.PassphraseOptions{WorkFactor: 5}),
	}
	for name, key := range sshKeys(t) {
		id, err := agecodec.ParseSSHIdentity(key.pem, nil)
		if err != nil {
			t.Fatal(err)
		}
		kinds["ssh "+name] = id
		block, err := ssh.MarshalPrivateKeyWithPassphrase(key.secret, "", []byte("pw"))
		if err != nil {
			t.Fatal(err)
		}
		id, err = agecodec.ParseSSHIdentity(pem.EncodeToMemory(block), func() ([]byte, error) {
			return []byte("pw"), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		kinds["locked "+name] = id
	}
	for name, id := range kinds {
		to, err := agecodec.RecipientOf(id)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		file := must(t)(through(agecodec.Encrypt(to), []byte("secret"), 0))
		if got, err := through(agecodec.Decrypt(id), file, 0); err != nil || string(got) != "secret" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if got, err := readAge(file, id); err != nil || string(got) != "secret" {
			t.Errorf("%s, age: %q, %v", name, got, err)
		}
	}
	if agecodec.Hide(nil) != nil {
		t.Error("nil, hidden, is not nil")
	}
	for name, id := range map[string]age.Identity{
		"nil": nil, "nil pointer": (*age.X25519Identity)(nil),
		"injected": age.NewInjectedFileKeyIdentity(make([]byte, 16)),
	} {
		if _, err := agecodec.RecipientOf(id); stream.ClassOf(err) != stream.Fatal {
			t.Errorf("the recipient of %s: %v", name, err)
		}
	}
}
